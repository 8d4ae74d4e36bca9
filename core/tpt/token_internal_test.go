package tpt

import (
	"strings"
	"testing"
)

const vectorSecret = "073821603fcc483f9afee3f1500782a4"

const vector = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjcmVhdGVkX29uIjoiMjAyNC0wMS0xNSAxMDozMDo0NSIsInJvbGUiOiJhZG1pbiJ9.dRmopU1M2ZIyBSUBtzDpUqGi6DiYeEnC6AZsgOliN9Y"

func TestContractVector(t *testing.T) {
	t.Parallel()
	got, err := sign(vectorSecret, claims{CreatedOn: "2024-01-15 10:30:45", Role: "admin"})
	if err != nil || got != vector {
		t.Errorf("got %s, %v", got, err)
	}
	c, err := parse(vectorSecret, vector)
	if err != nil || c.Role != "admin" || c.CreatedOn != "2024-01-15 10:30:45" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestAlteredTokensAreRefused(t *testing.T) {
	t.Parallel()
	forged := []string{
		"", vector + "\n", vector + "=", vector + "A", " " + vector, strings.ToLower(vector), vector + ".x",
		strings.Replace(vector, header, "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", 1),
		vector[:len(vector)-1] + "Z",
	}
	for i := range len(vector) {
		forged = append(forged, vector[:i])
	}
	for _, token := range forged {
		if _, err := parse(vectorSecret, token); err == nil {
			t.Errorf("%q was taken", token)
		}
	}
	if _, err := parse("another secret", vector); err == nil {
		t.Error("a token under another secret was taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(vector)
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := parse(vectorSecret, token); err == nil && token != vector {
			t.Errorf("%q was taken", token)
		}
	})
}
