package argon2kernel

//go:generate go -C gen run . -out ../compress_amd64.s -stubs ../compress_amd64.go -pkg argon2kernel
//go:generate go -C gen run ./neon ../compress_arm64.s
