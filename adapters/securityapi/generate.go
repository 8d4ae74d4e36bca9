package securityapi

//go:generate go run ./internal/bundle -models openapi openapi.gen.json
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config models.yaml openapi.gen.json
//go:generate go run ./internal/bundle openapi openapi.gen.json
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config client.yaml openapi.gen.json
//go:generate go run ./internal/bundle -gzip openapi.gen.json openapi.gen.json.gz
//go:generate go run ./internal/bundle -sum models.gen.sum generate.go models.yaml openapi.gen.json models.gen.go client.yaml ../../internal/securityclient/client.gen.go
