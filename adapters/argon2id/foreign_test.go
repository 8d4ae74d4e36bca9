package argon2id_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
)

// fieldPassword is the password of fieldHashes, which passlib, argon2-cffi and bcrypt made.
const fieldPassword = "Correct-Horse-7-Bättery"

var fieldHashes = map[string]string{
	"bcrypt":               `$2b$06$vUFGF8FaWj2I2voUmT0Mvevkk5Iu9HvZnTGV4nzcxfwFnGTlQ5xJ6`,
	"PBKDF2 in PHC form":   `$pbkdf2-sha256$i=10000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$wl4Q4y3Jm2sX/XRGjbls2sX9TNHx1PuYZ1Q0ZNJsE0c`,
	"LDAP bcrypt":          `{BCRYPT}$2b$06$vUFGF8FaWj2I2voUmT0Mvevkk5Iu9HvZnTGV4nzcxfwFnGTlQ5xJ6`,
	"Dovecot bcrypt":       `{BLF-CRYPT}$2y$06$vUFGF8FaWj2I2voUmT0Mvevkk5Iu9HvZnTGV4nzcxfwFnGTlQ5xJ6`,
	"Spring bcrypt":        `{bcrypt}$2a$06$vUFGF8FaWj2I2voUmT0Mvevkk5Iu9HvZnTGV4nzcxfwFnGTlQ5xJ6`,
	"LDAP crypt of bcrypt": `{CRYPT}$2y$06$vUFGF8FaWj2I2voUmT0Mvevkk5Iu9HvZnTGV4nzcxfwFnGTlQ5xJ6`,
	"LDAP Argon2":          `{ARGON2}$argon2id$v=19$m=8192,t=2,p=1$FEwYmi/GuV8K41HzlC7GjA$UtU2YWzOVNcYxBnm0+pnpPegbo4bYSTEDHhJVIRyZOk`,
	"LDAP crypt SHA-512":   `{CRYPT}$6$dYLD8e6yYTiRkcYj$SWkPUIRD0EGGp7NgOdJf3pz/a0ZObyspRoSY16yuGNpZjJMqlP9Z8Lrl8Ijuefi42zW2akxOJyIKuUd/jN3nG.`,
	"crypt SHA-512":        `$6$x13wPj93e79mIySY$t5HWKrRKVeAmdS.3krl4fgDDc4YU0xekMXy27KoEKwZ7IEOZbQaak8yYTDzzqENfS0YFTVm.jbosMz/wXim1g0`,
	"crypt SHA-256":        `$5$2dSjEFMbReRp7Kyo$gQTemaCdeX8kKedc5ScjwJo4eZDJjBTXNp6277a8tvA`,
}

func TestHashesThatPeopleBringAreChecked(t *testing.T) {
	t.Parallel()
	hasher := quick(t)
	for name, text := range fieldHashes {
		if got := hasher.Supports(text); got != domain.HashSupported {
			t.Errorf("%s: Supports = %v", name, got)
		}
		if ok, outdated := verify(t, hasher, text, fieldPassword); !ok || !outdated {
			t.Errorf("%s: Verify = %v, outdated %v; want right and outdated", name, ok, outdated)
		}
		if ok, _ := verify(t, hasher, text, "Correct-Horse-7-Battery"); ok {
			t.Errorf("%s: a wrong password is right", name)
		}
	}
}

// The reasons distinguish an unknown format from a cost above the limit.
func TestHashesThatAreRefusedSayWhy(t *testing.T) {
	t.Parallel()
	hasher := quick(t)
	sum512 := strings.Repeat("a", 86)
	tests := map[string]struct {
		hash string
		want domain.HashSupport
	}{
		"32 lanes of Argon2id":                     {`$argon2id$v=19$m=65536,t=1,p=32$q/I2cWyLkKCSl3IVhmEThg$+yFvugWWKA7IZ42q4aw/OrnI6ztiAZMveA0uBWfQsBI`, domain.HashTooCostly},
		"4 GiB of Argon2id":                        {refused["4 GiB of Argon2id"], domain.HashTooCostly},
		"a number beyond 31 bits":                  {refused["a number beyond 32 bits"], domain.HashTooCostly},
		"Argon2id with less than 8 KiB for a lane": {`$argon2id$v=19$m=8,t=1,p=2$h1Dq/Z/znnOOkXIuhZAyRg$MsX/75rHnqE8riuX/hBm/SosW1oHnIH6BCQ/OQJy0KM`, domain.HashUnknown},
		"bcrypt of cost 31":                        {refused["bcrypt of cost 31"], domain.HashTooCostly},
		"bcrypt of cost 31 in a prefix":            {"{CRYPT}" + refused["bcrypt of cost 31"], domain.HashTooCostly},
		"two billion rounds of PBKDF2":             {refused["two billion rounds of PBKDF2"], domain.HashTooCostly},
		"4 GiB of scrypt":                          {refused["4 GiB of scrypt"], domain.HashTooCostly},
		"2^60 of scrypt":                           {refused["2^60 of scrypt"], domain.HashTooCostly},
		"scrypt of no power of two":                {refused["scrypt of no power of two"], domain.HashUnknown},
		"2^30 of Spring's scrypt":                  {`{scrypt}$1e0801$AAECAwQFBgcICQoLDA0ODw==$JbN2hANm9NOw4h5BRHZnbjzQ6Jr0QwNWojTOC2WgIbU=`, domain.HashTooCostly},
		"a billion rounds of SHA-crypt":            {`$6$rounds=999999999$salt$` + sum512, domain.HashTooCostly},
		"rounds of SHA-crypt beyond 64 bits":       {`$6$rounds=99999999999999999999$salt$` + sum512, domain.HashTooCostly},
		"fewer rounds than SHA-crypt has":          {`$6$rounds=999$salt$` + sum512, domain.HashUnknown},
		"SHA-crypt with a sign":                    {`$6$rounds=+5000$salt$` + sum512, domain.HashUnknown},
		"SHA-crypt without a salt":                 {`$6$$` + sum512, domain.HashUnknown},
		"SHA-crypt with a long salt":               {`$6$saltsaltsaltsalts$` + sum512, domain.HashUnknown},
		"SHA-crypt that was cut off":               {`$6$salt$` + sum512[1:], domain.HashUnknown},
		"SHA-crypt with something after":           {`$6$salt$` + sum512 + "$x", domain.HashUnknown},
		"SHA-256 of the length of SHA-512":         {`$5$salt$` + sum512, domain.HashUnknown},
		"PBKDF2 whose length is another":           {`$pbkdf2-sha256$i=10000,l=64$MDEyMzQ1Njc4OWFiY2RlZg$wl4Q4y3Jm2sX/XRGjbls2sX9TNHx1PuYZ1Q0ZNJsE0c`, domain.HashUnknown},
		"two billion rounds of PBKDF2 in PHC form": {`$pbkdf2-sha256$i=2000000000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$wl4Q4y3Jm2sX/XRGjbls2sX9TNHx1PuYZ1Q0ZNJsE0c`, domain.HashTooCostly},
		"Spring's plain text":                      {`{noop}correct horse`, domain.HashUnknown},
		"plain text that looks like a hash": {
			`{noop}$2b$05$W1quGEsdJwvKVq1/4PSMOecOioshg.aEI8/IUFQVN6rX1BpZvDSDC`,
			domain.HashUnknown,
		},
		"a prefix twice": {
			`{CRYPT}{CRYPT}$2b$05$W1quGEsdJwvKVq1/4PSMOecOioshg.aEI8/IUFQVN6rX1BpZvDSDC`,
			domain.HashUnknown,
		},
		"a prefix of another form": {
			`{BCRYPT}$5$2dSjEFMbReRp7Kyo$gQTemaCdeX8kKedc5ScjwJo4eZDJjBTXNp6277a8tvA`,
			domain.HashUnknown,
		},
		"DES crypt":                {`{CRYPT}aaJwjVjSbBfWM`, domain.HashUnknown},
		"only a prefix":            {`{CRYPT}`, domain.HashUnknown},
		"a prefix without its end": {`{CRYPT`, domain.HashUnknown},
	}
	for name, tt := range tests {
		if got := hasher.Supports(tt.hash); got != tt.want {
			t.Errorf("%s: Supports = %v, want %v", name, got, tt.want)
		}
		if ok, outdated := verify(t, hasher, tt.hash, "correct horse"); ok || outdated {
			t.Errorf("%s: Verify = %v, outdated %v", name, ok, outdated)
		}
	}
}

// Each round digests the password, whose length an unauthenticated client chooses.
func TestLongPasswordsDoNotMultiplyTheRoundsOfSHACrypt(t *testing.T) {
	t.Parallel()
	// Of the character "a" 161 times, with a million rounds.
	const hash = `$6$rounds=1000000$salt$` + longSum
	hasher := quick(t)
	if got := hasher.Supports(hash); got != domain.HashSupported {
		t.Fatalf("Supports = %v", got)
	}
	if ok, outdated := verify(t, hasher, hash, strings.Repeat("a", 161)); ok || outdated {
		t.Errorf("Verify = %v, outdated %v: the password was checked although it costs more than is allowed", ok, outdated)
	}
	const few = `$6$x13wPj93e79mIySY$` + fewSum
	if ok, _ := verify(t, hasher, few, strings.Repeat("a", 500)); !ok {
		t.Error("a long password under the usual 5,000 rounds is wrong")
	}
}

// The results of crypt(3) for 161 and for 500 characters "a".
const (
	longSum = `dwTs1J9Gf6rjDX2.kSC3KNIw7v4Fy3VWYdwHVMKVwQkyCo3UUKw7vBkMApkLTY9Tlrf6eLgI/HfkV4pFgQ7KA/`
	fewSum  = `bFB0QQ5k95sWxgDg3lntPUCKIzjNj/0Y6qExUUuxWNzbc.cTC7RFnnCo2UYF.G3fBp6j7Iyjq9vh5jwp75JNe0`
)
