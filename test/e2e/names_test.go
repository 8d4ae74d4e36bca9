package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/test/kit"
)

func TestOfRacingUsersOneGetsANameOfEitherKind(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	made, refused := 0, 0
	for round := range 20 {
		name := fmt.Sprintf("wanted%d@example.com", round)
		replies := together(3, func(i int) reply {
			user := map[string]string{"username": name, "email": fmt.Sprintf("other%d@example.com", round)}
			if i > 0 {
				user = map[string]string{"username": fmt.Sprintf("other%d-%d", round, i), "email": name}
			}
			body, _ := json.Marshal(user)
			return in.call(t, in.admin, http.MethodPost, "/users", string(body))
		})
		made += count(replies, http.StatusCreated)
		refused += count(replies, http.StatusConflict)
	}
	if made != 20 || refused != 40 {
		t.Errorf("%d users were made and %d refused in 20 races of three", made, refused)
	}
}

// TestAGroupIsFoundByItsNameInAnySpelling: the name is unique without regard to case and normal form, so that it finds
// the group without regard to them, too.
func TestAGroupIsFoundByItsNameInAnySpelling(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	const stored, typed = "E\u0301quipe  Nord", "\u00e9quipe nord"
	if got := in.call(t, in.admin, http.MethodPost, "/groups", `{"name":"`+stored+`"}`); got.status != http.StatusCreated {
		t.Fatalf("%d %s", got.status, got.body)
	}
	got := in.call(t, in.admin, http.MethodPost, "/users",
		`{"username":"new","email":"new@example.com","groups":["`+typed+`"]}`)
	if got.status != http.StatusCreated || !strings.Contains(got.body, `"groups":["`+stored+`"]`) {
		t.Errorf("a member by the other spelling: %d %s", got.status, got.body)
	}
	for path, want := range map[string]string{
		"/groups/" + url.PathEscape(typed):              `"name":"` + stored + `"`,
		"/groups/" + url.PathEscape(typed) + "/members": `"total":1`,
		"/users?group=" + url.QueryEscape(typed):        `"total":1`,
	} {
		if got := in.call(t, in.admin, http.MethodGet, path, ""); got.status != http.StatusOK ||
			!strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s, want %s", path, got.status, got.body, want)
		}
	}
}

func TestNamesOfTheOtherKindAreRefusedByField(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	john := in.Register(t, "john", userPassword, "")
	jane := in.Register(t, "jane", userPassword, "")
	for body, field := range map[string]string{
		`{"username":"JOHN@example.com","email":"new@example.com"}`:           "username",
		`{"username":"ｊohn@example.com","email":"new@example.com"}`:           "username",
		`{"username":"admin@example.com","email":"admin@example.com"}`:        "username",
		`{"username":"new","email":"Admin@example.com"}`:                      "email",
		`{"username":"new\ufe0f","email":"new@example.com"}`:                  "username",
		`{"username":"new","email":"john\u3164@example.com"}`:                 "email",
		`{"username":"new","email":"new@example.com","full_name":"a\u202eb"}`: "full_name",
	} {
		got := in.call(t, in.admin, http.MethodPost, "/users", body)
		if got.status != http.StatusConflict && got.status != http.StatusBadRequest ||
			!strings.Contains(got.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s, want a refusal of %s", body, got.status, got.body, field)
		}
	}
	own := in.call(t, in.admin, http.MethodPost, "/users", `{"username":"own@example.com","email":"own@example.com"}`)
	if own.status != http.StatusCreated {
		t.Errorf("the own address as username: %d %s", own.status, own.body)
	}
	for id, want := range map[string]int{string(john.ID): http.StatusConflict, string(jane.ID): http.StatusOK} {
		email := map[int]string{http.StatusConflict: "own@example.com", http.StatusOK: "free@example.com"}[want]
		if got := in.call(t, in.admin, http.MethodPatch, "/users/"+id, `{"email":"`+email+`"}`); got.status != want {
			t.Errorf("PATCH to %s: %d %s", email, got.status, got.body)
		}
	}
}

func TestASearchTakesAWholeAddress(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	longest := strings.Repeat("o", 59) + "+tag@" + strings.Repeat(strings.Repeat("k", 60)+".", 3) + "example"
	body := fmt.Sprintf(`{"username":"longest","email":%q}`, longest)
	if made := in.call(t, in.admin, http.MethodPost, "/users", body); made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.body)
	}
	for _, term := range []string{longest, strings.ToUpper(longest), longest[1:], "+tag@"} {
		got := in.call(t, in.admin, http.MethodGet, "/users?search="+url.QueryEscape(term), "")
		if got.status != http.StatusOK || !strings.Contains(got.body, `"total":1,`) {
			t.Errorf("search of %d characters: %d %s", len(term), got.status, got.body)
		}
	}
	if got := in.call(t, in.admin, http.MethodGet, "/users?search="+strings.Repeat("a", 255),
		""); got.status != http.StatusBadRequest {
		t.Errorf("a longer one: %d", got.status)
	}
}

func TestMetadataComesBackAsItWasSent(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	const sent = `{"z.z":1.0,"$a":12345678901234567890,"n":1E+2,"":{"b":2,"a":1.50},"l":[1.0,{"$x.y":null}]}`
	made := in.call(t, in.admin, http.MethodPost, "/users",
		`{"username":"john","email":"john@example.com","metadata":`+sent+`}`)
	if made.status != http.StatusCreated || !strings.Contains(made.body, `"metadata":`+sent) {
		t.Fatalf("%d %s", made.status, made.body)
	}
	path := "/users/" + made.text("user_id")
	if got := in.call(t, in.admin, http.MethodPatch, path,
		`{"metadata":{"$b":0.50,"n":null}}`); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	want := `"metadata":` + strings.TrimSuffix(strings.Replace(sent, `"n":1E+2,`, "", 1), "}") + `,"$b":0.50}`
	if got := in.call(t, in.admin, http.MethodGet, path, ""); !strings.Contains(got.body, want) {
		t.Errorf("got %s, want %s", got.body, want)
	}
	for size, status := range map[int]int{16 << 10: http.StatusOK, 16<<10 + 1: http.StatusBadRequest} {
		body := `{"metadata":{"a":"` + strings.Repeat("x", size-len(`{"a":""}`)) + `"}}`
		if cleared := in.call(t, in.admin, http.MethodPatch, path, `{"metadata":null}`); cleared.status != http.StatusOK {
			t.Fatalf("%d %s", cleared.status, cleared.body)
		}
		if got := in.call(t, in.admin, http.MethodPatch, path, body); got.status != status {
			t.Errorf("%d bytes: %d %.200s, want %d", size, got.status, got.body, status)
		}
	}
}

func TestAGroupIsReachedByItsNameInAnyScript(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	made := in.call(t, in.admin, http.MethodPost, "/groups", `{"name":"Отдел продаж","permissions":["crm.use"]}`)
	if made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.body)
	}
	if got := in.call(t, in.admin, http.MethodGet, "/groups/"+url.PathEscape("Отдел продаж"),
		""); got.text("group_id") != made.text("group_id") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if again := in.call(t, in.admin, http.MethodPost, "/groups",
		`{"name":"ОТДЕЛ ПРОДАЖ"}`); again.status != http.StatusConflict {
		t.Errorf("%d %s", again.status, again.body)
	}
	user := in.call(t, in.admin, http.MethodPost, "/users",
		`{"username":"john","email":"john@example.com","groups":["Отдел продаж"]}`)
	if user.status != http.StatusCreated || !strings.Contains(user.body, "Отдел продаж") {
		t.Errorf("%d %s", user.status, user.body)
	}
	if got := in.call(t, in.admin, http.MethodGet, "/users?group="+url.QueryEscape("Отдел продаж"),
		""); !strings.Contains(got.body, `"total":1,`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}
