package commonpasswords

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
)

func TestThousandsOfEntriesMeetTheDefaultPolicy(t *testing.T) {
	t.Parallel()
	list, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if len(list.words) < 7000 {
		t.Errorf("the list has %d words, want 7,000 at least", len(list.words))
	}
	policy := domain.DefaultSettings().Password
	matching := map[string]struct{}{}
	for word := range list.words {
		for _, tail := range []string{"1!", "123!", "1234!", "2024!", "2025!!", "12345678!"} {
			password := strings.ToUpper(word[:1]) + word[1:] + tail
			if policy.CheckPassword("password", password) == nil && list.IsKnown(password) {
				matching[password] = struct{}{}
			}
		}
	}
	if len(matching) < 3000 {
		t.Errorf("%d known passwords meet the default policy, want 3,000 at least", len(matching))
	}
	t.Logf("%d words; %d variants with six endings meet the default policy", len(list.words), len(matching))
}
