package linkpages_test

import (
	"testing"

	"github.com/ostiary/ostiary/adapters/linkpages"
	"github.com/ostiary/ostiary/core/domain"
)

func TestLinksLeadToThePagesUnderThePublicURL(t *testing.T) {
	t.Parallel()
	who := linkpages.Identity("http://localhost:8080/auth/")
	if who.Host != "localhost:8080" {
		t.Errorf("the host is %s", who.Host)
	}
	for purpose, want := range map[domain.TokenPurpose]string{
		domain.TokenActivation: "http://localhost:8080/auth/activate?token=a%26b",
		domain.TokenReset:      "http://localhost:8080/auth/reset?token=a%26b",
		domain.TokenLink:       "http://localhost:8080/auth/reset?token=a%26b",
		domain.TokenEmail:      "http://localhost:8080/auth/confirm-email?token=a%26b",
	} {
		if got := who.Link(purpose, "a&b"); got != want {
			t.Errorf("a token to %s has the link %s, want %s", purpose, got, want)
		}
	}
}
