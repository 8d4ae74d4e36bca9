package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// listed is one list of the API: its path, the member that holds its items and the member that names one.
type listed struct{ path, items, id string }

// fill makes more than one page of everything that is listed, and returns the lists.
func fill(t *testing.T, in *installation) []listed {
	t.Helper()
	me := in.call(t, in.admin, http.MethodGet, "/auth/verify", "").text("user_id")
	in.call(t, in.admin, http.MethodPatch, "/settings/security", `{"session_policy":{"max_sessions":100}}`)
	for i := range 23 {
		n := strconv.Itoa(100 + i)
		in.call(t, in.admin, http.MethodPost, "/roles", `{"role_id":"r`+n+`","name":"R","permissions":[]}`)
		in.call(t, in.admin, http.MethodPost, "/groups", `{"name":"g`+n+`"}`)
		made := in.call(t, in.admin, http.MethodPost, "/users",
			`{"username":"u`+n+`","email":"u`+n+`@example.com","groups":["g100"]}`)
		if made.status != http.StatusCreated {
			t.Fatal(made.body)
		}
		key := domain.APIKey{
			ID: domain.KeyID(in.IDs.NewID(domain.KeyPrefix)), UserID: domain.UserID(me), Name: n, Prefix: "sk_live_",
			Digest:      []byte(n),
			Permissions: []domain.Permission{"bots.use"}, CreatedAt: in.Clock.Now(),
		}
		must(t, in.Store.Keys().Create(t.Context(), key, domain.Outbox{}))
		in.SignIn(t, "admin", adminPassword, "192.0.2."+strconv.Itoa(i+1))
	}
	return []listed{
		{"/users/" + me + "/api-keys", "api_keys", "key_id"},
		{"/users/" + me + "/sessions", "sessions", "session_id"},
		{"/roles", "roles", "role_id"},
		{"/groups", "groups", "group_id"},
		{"/groups/g100/members", "users", "user_id"},
		{"/users", "users", "user_id"},
		{"/audit/logs", "logs", "log_id"},
	}
}

func (l listed) ids(t *testing.T, r reply) []string {
	t.Helper()
	items, _ := r.object[l.items].([]any)
	var ids []string
	for _, item := range items {
		object, _ := item.(map[string]any)
		id, _ := object[l.id].(string)
		ids = append(ids, id)
	}
	if r.status != http.StatusOK || len(ids) == 0 {
		t.Fatalf("%s: %d %s", l.path, r.status, r.body)
	}
	return ids
}

func TestEveryListHasPages(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	for _, l := range fill(t, in) {
		t.Run(l.path, func(t *testing.T) {
			t.Parallel()
			get := func(query string) reply { return in.call(t, in.admin, http.MethodGet, l.path+query, "") }
			first := get("")
			if n := len(l.ids(t, first)); n != 20 || first.object["page"] != 1.0 || first.object["limit"] != 20.0 ||
				first.text("next_cursor") == "" {
				t.Errorf("without parameters: %d items, page %v of %v, next %q", n, first.object["page"], first.object["limit"],
					first.text("next_cursor"))
			}
			total, _ := first.object["total"].(float64)
			var seen []string
			for query := "?limit=7"; ; {
				r := get(query)
				ids := l.ids(t, r)
				byNumber := get(fmt.Sprintf("?limit=7&page=%d", len(seen)/7+1))
				if l.items != "logs" && !slices.Equal(l.ids(t, byNumber), ids) { // reading the log adds to it
					t.Errorf("page %d is not what the cursor gives", len(seen)/7+1)
				}
				seen = append(seen, ids...)
				if r.text("next_cursor") == "" {
					break
				}
				query = "?limit=7&cursor=" + url.QueryEscape(r.text("next_cursor"))
			}
			slices.Sort(seen)
			if n := len(slices.Compact(seen)); n != len(seen) || float64(n) < total || total < 23 {
				t.Errorf("%d items, %d different ones, of %v", len(seen), n, total)
			}
		})
	}
}

func TestEveryListRefusesInvalidPages(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	lists := fill(t, in)
	for _, l := range lists {
		for query, want := range map[string]string{
			"?page=0": "page", "?limit=0": "limit", "?limit=101": "limit", "?limit=x": "limit", "?page=1&page=2": "page",
			"?cursor=x": "cursor", "?cursor=": "cursor",
		} {
			r := in.call(t, in.admin, http.MethodGet, l.path+query, "")
			if r.status != http.StatusBadRequest || r.text("error") != "invalid_request" ||
				!strings.Contains(r.body, `"field":"`+want+`"`) {
				t.Errorf("%s%s: %d %s", l.path, query, r.status, r.body)
			}
		}
		if r := in.call(t, in.admin, http.MethodGet, l.path+"?page=101&limit=100", ""); r.status != http.StatusBadRequest ||
			r.text("error") != "use_cursor" {
			t.Errorf("%s beyond 10,000 rows: %d %s", l.path, r.status, r.body)
		}
	}
}

// TestCursorsAreOfOneList sends each list the cursors of the others. Members are users in the order of the list of
// users.
func TestCursorsAreOfOneList(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	lists := fill(t, in)
	for _, from := range lists {
		cursor := in.call(t, in.admin, http.MethodGet, from.path+"?limit=2", "").text("next_cursor")
		for _, to := range lists {
			r := in.call(t, in.admin, http.MethodGet, to.path+"?cursor="+url.QueryEscape(cursor), "")
			want := http.StatusBadRequest
			if to.items == from.items {
				want = http.StatusOK
			}
			if r.status != want || want != http.StatusOK && !strings.Contains(r.body, `"field":"cursor"`) {
				t.Errorf("%s with a cursor of %s: %d %s", to.path, from.path, r.status, r.body)
			}
		}
	}
}
