package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/test/kit"
)

// TestContractOfSingleCalls asks one thing at a time, as an administrator of an installation in which nothing else
// has happened but that john was made; {john} is his id.
func TestContractOfSingleCalls(t *testing.T) {
	t.Parallel()
	type want struct {
		status int
		says   string // a part of the body
	}
	refused := func(field string) want { return want{http.StatusBadRequest, `"field":"` + field + `"`} }
	tests := map[string]struct {
		call, body string
		header     string
		want       want
	}{
		"an empty role is not the default one": {
			"POST /users",
			`{"username":"u","email":"u@example.com","role":""}`, "", refused("role"),
		},
		"an empty password is not none": {
			"POST /users",
			`{"username":"u","email":"u@example.com","password":""}`, "", refused("password"),
		},
		"an empty directory is not the default one": {
			"POST /users",
			`{"username":"u","email":"u@example.com","directory":""}`, "", refused("directory"),
		},
		"a role says what it permits": {
			"POST /roles", `{"role_id":"r","name":"R"}`, "",
			refused("permissions"),
		},
		"a role may permit nothing": {
			"POST /roles", `{"role_id":"r","name":"R","permissions":[]}`,
			"",
			want{http.StatusCreated, `"level":100`},
		},
		"both a taken name and a taken address are reported": {
			"POST /users",
			`{"username":"JOHN","email":"John@example.com"}`, "",
			want{http.StatusConflict, `[{"field":"username","reason":"is taken"},{"field":"email","reason":"is taken"}]`},
		},
		"a taken role names its field": {
			"POST /roles", `{"role_id":"user","name":"R","permissions":[]}`,
			"",
			want{http.StatusConflict, `"field":"role_id"`},
		},
		"a role is where its Location says": {
			"GET /roles/admin", "", "",
			want{http.StatusOK, `"name":"Administrator"`},
		},
		"a role that is not there": {
			"GET /roles/none", "", "",
			want{http.StatusNotFound, `"not_found"`},
		},
		"what implies is listed with what follows": {
			"GET /users/{john}/permissions", "", "",
			want{http.StatusOK, `"permission":"profile.edit"`},
		},
		"settings can be sent back as they were read": {
			"PATCH /settings/security",
			`{"advisories":["x"],"lockout_policy":{"max_attempts":5}}`, "",
			want{http.StatusOK, `"max_attempts":5`},
		},
		"advisories are texts all the same": {
			"PATCH /settings/security", `{"advisories":1}`, "",
			refused("advisories"),
		},
		"one of several entity tags is enough": {
			"PATCH /settings/security", `{}`, `If-Match: "other", "1"`,
			want{http.StatusOK, "advisories"},
		},
		"a weak entity tag never matches": {
			"PATCH /settings/security", `{}`, `If-Match: W/"1"`,
			want{http.StatusPreconditionFailed, "precondition_failed"},
		},
		"an offset whose plus was not escaped": {
			"GET /audit/logs?start_date=2024-01-15T10:00:00+02:00", "", "",
			want{http.StatusOK, `"logs"`},
		},
		"a space elsewhere in a time": {
			"GET /audit/logs?start_date=2024-01-15+10:00:00Z", "", "",
			refused("start_date"),
		},
		"an end before its start, in a list": {
			"GET /audit/logs?start_date=2024-01-15&end_date=2024-01-14", "",
			"", refused("end_date"),
		},
		"an end before its start, in an export": {
			"POST /audit/export",
			`{"format":"csv","date_range":{"start":"2024-01-15","end":"2024-01-14"}}`, "", refused("date_range.end"),
		},
		"an address that is none, in an export": {
			"POST /audit/export",
			`{"format":"csv","filters":{"ip_address":"x"}}`, "", refused("filters.ip_address"),
		},
		"a body where none belongs is read all the same": {"POST /users/{john}/unlock", `{"x":1}`, "", refused("x")},
		"unlocking needs no body": {
			"POST /users/{john}/unlock", "", "",
			want{http.StatusOK, `"unlocked"`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := install(t, kit.Options{})
			john := in.Register(t, "john", userPassword, "")
			method, path, _ := strings.Cut(tt.call, " ")
			header := http.Header{"Authorization": {"Bearer " + in.admin}}
			if key, value, ok := strings.Cut(tt.header, ": "); ok {
				header.Set(key, value)
			}
			r := in.do(t, method, securityapi.Base+strings.ReplaceAll(path, "{john}", string(john.ID)), tt.body, header)
			if r.status != tt.want.status || !strings.Contains(r.body, tt.want.says) {
				t.Errorf("%d %s, want %d with %s", r.status, r.body, tt.want.status, tt.want.says)
			}
		})
	}
}

func TestGroupManagersMayReadGroups(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	in.call(t, in.admin, http.MethodPost, "/roles",
		`{"role_id":"keeper","name":"LocalPasswords of groups","permissions":["groups.manage"]}`)
	in.call(t, in.admin, http.MethodPost, "/groups", `{"name":"team"}`)
	in.Register(t, "keeper", userPassword, "keeper")
	in.Register(t, "john", userPassword, "")
	for name, want := range map[string][4]int{
		"keeper": {http.StatusOK, http.StatusOK, http.StatusNotFound, http.StatusForbidden},
		"john":   {http.StatusForbidden, http.StatusNotFound, http.StatusNotFound, http.StatusNotFound},
	} {
		token := in.token(t, name, userPassword)
		for i, path := range []string{"/groups", "/groups/team", "/groups/none", "/groups/team/members"} {
			if r := in.call(t, token, http.MethodGet, path, ""); r.status != want[i] {
				t.Errorf("%s, %s: %d %s", name, path, r.status, r.body)
			}
		}
	}
}

func TestCreatedObjectsAreAtTheirLocation(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	header := http.Header{"Authorization": {"Bearer " + in.admin}}
	me := in.call(t, in.admin, http.MethodGet, "/auth/verify", "").text("user_id")
	for path, body := range map[string]string{
		"/users":                     `{"username":"john","email":"john@example.com"}`,
		"/groups":                    `{"name":"team"}`,
		"/roles":                     `{"role_id":"helper","name":"Helper","permissions":[]}`,
		"/users/" + me + "/api-keys": `{"name":"k","permissions":["users.read"]}`,
	} {
		made := in.do(t, http.MethodPost, securityapi.Base+path, body, header)
		location := made.header.Get("Location")
		if r := in.do(t, http.MethodGet, location, "", header); made.status != http.StatusCreated ||
			r.status != http.StatusOK {
			t.Errorf("%s: %d %s, at %q: %d %s", path, made.status, made.body, location, r.status, r.body)
		}
		if key := made.text("key_id"); key != "" {
			in.call(t, in.admin, http.MethodDelete, "/api-keys/"+key, "")
			if r := in.do(t, http.MethodGet, location, "", header); r.status != http.StatusNotFound {
				t.Errorf("a revoked key: %d %s", r.status, r.body)
			}
		}
	}
}
