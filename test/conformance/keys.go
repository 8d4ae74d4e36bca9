package conformance

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func newKey(user domain.UserID) domain.APIKey {
	return domain.APIKey{
		ID: domain.KeyID(newID(domain.KeyPrefix)), UserID: user, Name: "ci", Prefix: "sk_live_abc", Digest: []byte("digest"),
		Permissions: []domain.Permission{"bots.use"}, CreatedAt: epoch,
	}
}

// APIKeyStore tests a ports.APIKeyStore and its ports.KeyView.
func APIKeyStore(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives back every field as it was given":    keyKeepsFields,
		"says that an absent key is not found":      keyAbsent,
		"writes the outbox with the key":            keyOutbox,
		"leaves nothing of a refused change":        keyRefused,
		"lists the newest first, revoked ones not":  keyList,
		"lists in pages, each key once":             keyPages,
		"shows a use at once and a revoke with it":  keyTouch,
		"sees every acknowledged change of the key": keySeesChanges,
	})
}

func keyKeepsFields(t *testing.T, s Stores) {
	key := newKey("usr_1")
	key.Epoch, key.ExpiresAt, key.LastUsedAt, key.RevokedAt = 2, epoch.Add(time.Hour), epoch.Add(time.Minute), epoch.Add(
		time.Second)
	must(t, s.Keys.Create(t.Context(), key, domain.Outbox{}))
	got, err := s.Keys.Get(t.Context(), key.ID)
	must(t, err)
	same(t, got, key)
}

func keyAbsent(t *testing.T, s Stores) {
	_, err := s.Keys.Get(t.Context(), "key_none")
	_, err2 := s.Keys.Update(t.Context(), "key_none", func(*domain.APIKey, *domain.Outbox) error { return nil })
	_, err3 := s.KeyView.LookupKey(t.Context(), "key_none")
	for i, err := range []error{err, err2, err3} {
		if !errors.Is(err, domain.ErrKeyNotFound) {
			t.Errorf("call %d: got %v, want ErrKeyNotFound", i, err)
		}
	}
}

func keyOutbox(t *testing.T, s Stores) {
	key := newKey("usr_1")
	must(t, s.Keys.Create(t.Context(), key, outbox(domain.ActionAPIKeyCreate, string(key.ID))))
	if n, m := len(entriesAbout(t, s, string(key.ID))), len(claimAll(t, s)); n != 1 || m != 1 {
		t.Errorf("%d entries and %d messages, want one of each", n, m)
	}
}

func keyRefused(t *testing.T, s Stores) {
	key := newKey("usr_1")
	must(t, s.Keys.Create(t.Context(), key, domain.Outbox{}))
	_, err := s.Keys.Update(t.Context(), key.ID, func(k *domain.APIKey, out *domain.Outbox) error {
		k.Name, k.Permissions[0] = "half", "x.y"
		*out = outbox(domain.ActionAPIKeyRevoke, string(k.ID))
		return errRefused
	})
	if !errors.Is(err, errRefused) {
		t.Errorf("got %v, want the error of the change", err)
	}
	got, err := s.Keys.Get(t.Context(), key.ID)
	must(t, err)
	same(t, got, key)
	if n := len(entriesAbout(t, s, string(key.ID))); n != 0 {
		t.Errorf("%d entries were left", n)
	}
}

func keyList(t *testing.T, s Stores) {
	keys := make([]domain.APIKey, 3)
	for i := range keys {
		keys[i] = newKey("usr_1")
		keys[i].CreatedAt = epoch.Add(time.Duration(i) * time.Minute)
		must(t, s.Keys.Create(t.Context(), keys[i], domain.Outbox{}))
	}
	must(t, s.Keys.Create(t.Context(), newKey("usr_2"), domain.Outbox{}))
	_, err := s.Keys.Update(t.Context(), keys[1].ID, func(k *domain.APIKey, _ *domain.Outbox) error {
		k.RevokedAt = epoch
		return nil
	})
	must(t, err)
	got, err := s.Keys.List(t.Context(), domain.KeyQuery{User: "usr_1"})
	must(t, err)
	same(t, got, domain.KeyPage{Keys: []domain.APIKey{keys[2], keys[0]}, PageInfo: domain.PageInfo{Total: 2}})
}

// keyPages reads the live keys of one epoch in pages, by cursor and by number: each key once, newest first, while
// some are revoked.
func keyPages(t *testing.T, s Stores) {
	var want []domain.KeyID
	for i := range 7 {
		key := newKey("usr_1")
		key.Epoch, key.CreatedAt = 3, epoch.Add(time.Duration(i/2)*time.Minute) // some at the same moment
		former := newKey("usr_1")
		former.Epoch, former.CreatedAt = 2, key.CreatedAt
		must(t, s.Keys.Create(t.Context(), key, domain.Outbox{}))
		must(t, s.Keys.Create(t.Context(), former, domain.Outbox{}))
		want = append(want, key.ID)
	}
	all := listKeys(t, s, domain.Page{Limit: 100})
	if len(all.Keys) != 7 || all.Total != 7 || all.Next != nil {
		t.Fatalf("%d keys of %d, next %v", len(all.Keys), all.Total, all.Next)
	}
	if !slices.IsSortedFunc(all.Keys, func(a, b domain.APIKey) int { return b.CreatedAt.Compare(a.CreatedAt) }) {
		t.Error("the keys are not in the order of creation, the newest first")
	}
	page := domain.Page{Number: 1, Limit: 3}
	var got []domain.KeyID
	for n := 0; ; n++ {
		found := listKeys(t, s, page)
		for _, key := range found.Keys {
			got = append(got, key.ID)
		}
		byNumber := listKeys(t, s, domain.Page{Number: n + 1, Limit: 3})
		if n == 0 {
			same(t, byNumber.Keys, found.Keys)
			_, err := s.Keys.Update(t.Context(), found.Keys[2].ID, func(k *domain.APIKey, _ *domain.Outbox) error {
				k.RevokedAt = epoch
				return nil
			})
			must(t, err)
		}
		if found.Next == nil {
			break
		}
		page.After = found.Next
	}
	slices.Sort(got)
	slices.Sort(want)
	same(t, got, want)
	_, err := s.Keys.List(t.Context(), domain.KeyQuery{
		User: "usr_1", Epoch: 3,
		Page: domain.Page{Limit: 3, After: &domain.Cursor{Sort: domain.SortKeys, Key: "x", ID: "key_1"}},
	})
	if !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("a cursor of something else: %v", err)
	}
}

func listKeys(t *testing.T, s Stores, page domain.Page) domain.KeyPage {
	t.Helper()
	found, err := s.Keys.List(t.Context(), domain.KeyQuery{User: "usr_1", Epoch: 3, Page: page})
	must(t, err)
	return found
}

func keyTouch(t *testing.T, s Stores) {
	u := newUser(1)
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	key := newKey(u.ID)
	must(t, s.Keys.Create(t.Context(), key, domain.Outbox{}))
	at := epoch.Add(time.Minute)
	must(t, s.KeyView.TouchKey(t.Context(), key.ID, at))
	live, err := s.KeyView.LookupKey(t.Context(), key.ID)
	must(t, err)
	if !live.Key.LastUsedAt.Equal(at) {
		t.Errorf("the lookup shows %v, want %v", live.Key.LastUsedAt, at)
	}
	_, err = s.Keys.Update(t.Context(), key.ID, func(k *domain.APIKey, _ *domain.Outbox) error {
		k.RevokedAt = epoch
		return nil
	})
	must(t, err)
	live, err = s.KeyView.LookupKey(t.Context(), key.ID)
	must(t, err)
	if live.Key.RevokedAt.IsZero() || !live.Key.LastUsedAt.Equal(at) {
		t.Errorf("the lookup shows %+v", live.Key.RevokedAt)
	}
}

func keySeesChanges(t *testing.T, s Stores) {
	u := newUser(1)
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	key := newKey(u.ID)
	must(t, s.Keys.Create(t.Context(), key, domain.Outbox{}))
	for i := 1; i <= 10; i++ {
		_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
			u.KeyEpoch = i
			return nil
		})
		must(t, err)
		live, err := s.KeyView.LookupKey(t.Context(), key.ID)
		must(t, err)
		if live.User.KeyEpoch != i {
			t.Fatalf("after change %d the lookup shows %d", i, live.User.KeyEpoch)
		}
	}
}
