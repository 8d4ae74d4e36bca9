package keyring

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
)

const vectorSecret = "073821603fcc483f9afee3f1500782a4"

const vector = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjcmVhdGVkX29uIjoiMjAyNC0wMS0xNSAxMDozMDo0NSIsInJvbGUiOiJhZG1pbiJ9.dRmopU1M2ZIyBSUBtzDpUqGi6DiYeEnC6AZsgOliN9Y"

func TestThirdPartyTokenMatchesTheContractVector(t *testing.T) {
	t.Parallel()
	tokens := NewThirdPartyTokens(vectorSecret, "")
	got, err := tokens.sign(thirdPartyClaims{CreatedOn: "2024-01-15 10:30:45", Role: "admin"})
	if err != nil || got != vector {
		t.Errorf("got %s, %v", got, err)
	}
	c, ok := tokens.parse(vector)
	if !ok || c.Role != "admin" || c.CreatedOn != "2024-01-15 10:30:45" {
		t.Errorf("got %+v, %v", c, ok)
	}
}

func TestAlteredThirdPartyTokensAreRefused(t *testing.T) {
	t.Parallel()
	forged := []string{
		"", vector + "\n", vector + "=", vector + "A", " " + vector, strings.ToLower(vector), vector + ".x",
		strings.Replace(vector, domain.ThirdPartyPrefix, "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.", 1),
		vector[:len(vector)-1] + "Z",
	}
	for i := range len(vector) {
		forged = append(forged, vector[:i])
	}
	for _, token := range forged {
		if _, ok := NewThirdPartyTokens(vectorSecret, "").Check(token); ok {
			t.Errorf("%q was taken", token)
		}
	}
	if _, ok := NewThirdPartyTokens("another secret", "").Check(vector); ok {
		t.Error("a token under another secret was taken")
	}
}

func FuzzThirdPartyTokens(f *testing.F) {
	f.Add(vector)
	f.Fuzz(func(t *testing.T, token string) {
		if _, ok := NewThirdPartyTokens(vectorSecret, "").Check(token); ok && token != vector {
			t.Errorf("%q was taken", token)
		}
	})
}
