package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// TestInvalidBodiesAreRefused sends to every call, as an administrator, its right body with one thing
// wrong, for every member and every kind of wrong. All are refused by name, none changes anything.
func TestInvalidBodiesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "admin", "other")
	before := w.changes(t)
	for _, o := range w.operations() {
		if schema := w.bodySchema(o); schema != nil {
			w.tryBodies(t, o, schema)
		}
	}
	if after := w.changes(t); after != before {
		t.Errorf("%d changes were made", after-before)
	}
}

// changes counts what was changed, and what was tried with a password.
func (w *world) changes(t *testing.T) int {
	t.Helper()
	n := 0
	for _, e := range w.Entries(t) {
		if e.Action != domain.ActionDataAccess && e.Action != domain.ActionPermissionDenied {
			n++
		}
	}
	return n
}

func (w *world) bodySchema(operation string) *openapi3.Schema {
	method, path, _ := strings.Cut(operation, " ")
	o := w.check.Document.Paths.Value(path).GetOperation(method)
	if o.RequestBody == nil {
		return nil
	}
	content := o.RequestBody.Value.Content.Get("application/json")
	if content == nil { // a form
		return nil
	}
	return content.Schema.Value
}

func (w *world) tryBodies(t *testing.T, operation string, schema *openapi3.Schema) {
	t.Helper()
	right := w.filled(bodies[operation])
	if right == "" {
		right = "{}"
	}
	members := strings.TrimSuffix(strings.TrimPrefix(right, "{"), "}")
	with := func(more string) string {
		if members == "" {
			return "{" + more + "}"
		}
		return "{" + members + "," + more + "}"
	}
	w.refused(t, operation, with(`"zz_unknown":1`), "zz_unknown")
	w.refused(t, operation, right+"{}", "body")
	w.refused(t, operation, "["+right+"]", "body")
	w.refused(t, operation, "null", "body")
	w.refused(t, operation, `{"a`+"\xff"+`":1}`, "")
	for _, name := range schema.Required {
		w.refused(t, operation, "{"+without(t, right, name)+"}", name)
	}
	for name, property := range schema.Properties {
		others := without(t, right, name)
		set := func(value string) string {
			if others == "" {
				return fmt.Sprintf("{%q:%s}", name, value)
			}
			return fmt.Sprintf("{%s,%q:%s}", others, name, value)
		}
		for _, value := range wrongValues(property.Value) {
			w.refused(t, operation, set(value), name)
		}
		for _, value := range beyondLimits(property.Value) {
			w.notTaken(t, operation, set(value))
		}
		w.refused(t, operation, fmt.Sprintf("{%s%q:1,%q:2}", comma(others), name, name), name)
		upper := strings.ToUpper(name[:1]) + name[1:]
		w.refused(t, operation, fmt.Sprintf("{%s%q:%s}", comma(others), upper, `"x"`), upper)
	}
}

func comma(members string) string {
	if members == "" {
		return ""
	}
	return members + ","
}

// without returns the members of an object but one.
func without(t *testing.T, object, name string) string {
	t.Helper()
	var all map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(object), &all))
	delete(all, name)
	var members []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		members = append(members, fmt.Sprintf("%q:%s", key, all[key]))
	}
	return strings.Join(members, ",")
}

func wrongValues(s *openapi3.Schema) []string {
	values := map[string]string{
		"number": "4711", "string": `"text"`, "boolean": "true", "object": `{"$ne":null}`,
		"array": `[{"$gt":""}]`,
	}
	delete(values, s.Type.Slice()[0])
	if s.Type.Is("integer") {
		values["number"] = "1.5"
	}
	if !s.Nullable {
		values["null"] = "null"
	}
	if s.Type.Is("string") {
		values["NUL"] = `"a\u0000b"`
		values["surrogate"] = `"\ud800"`
		values["bytes"] = "\"\xff\""
	}
	return slices.Sorted(maps.Values(values))
}

// beyondLimits are values of the right type that the schema's limits leave out by one.
func beyondLimits(s *openapi3.Schema) []string {
	var values []string
	if s.MinLength > 0 || len(s.Enum) > 0 {
		values = append(values, `""`)
	}
	if s.MaxLength != nil {
		values = append(values, fmt.Sprintf("%q", strings.Repeat("a", int(*s.MaxLength)+1)))
	}
	if len(s.Enum) > 0 {
		values = append(values, `"zz_other"`)
	}
	if s.MinItems > 0 {
		values = append(values, "[]")
	}
	if s.MaxItems != nil {
		values = append(values, "["+strings.TrimSuffix(strings.Repeat(`"a.b",`, int(*s.MaxItems)+1), ",")+"]")
	}
	if s.Min != nil {
		values = append(values, fmt.Sprint(*s.Min-1))
	}
	if s.Max != nil {
		values = append(values, fmt.Sprint(*s.Max+1))
	}
	return values
}

func (w *world) refused(t *testing.T, operation, body, field string) {
	t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	r := w.call(t, w.token, method, w.allowed(path), body)
	named := field == "" || strings.Contains(r.body, `"field":"`+field)
	if r.status != http.StatusBadRequest || r.text("error") != "invalid_request" || !named {
		t.Errorf("%s took %q: %d %s", operation, body, r.status, r.body)
	}
}

// notTaken is refused for values of the right form. Another rule may come first: the token is wrong, the caller not
// allowed.
func (w *world) notTaken(t *testing.T, operation, body string) {
	t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	if operation == "POST /auth/login" { // counts a failed attempt, as for any unknown name
		return
	}
	if r := w.call(t, w.token, method, w.filled(path), body); r.status < http.StatusBadRequest ||
		r.status >= http.StatusInternalServerError {
		t.Errorf("%s took %q: %d %s", operation, body, r.status, r.body)
	}
}

func (w *world) filled(text string) string {
	for name, value := range w.fill {
		text = strings.ReplaceAll(text, name, value)
	}
	return text
}

// allowed returns a path with the object's ids, or with the caller's own if the operation is only allowed on oneself:
// a missing permission is reported before an invalid body.
func (w *world) allowed(path string) string {
	switch path {
	case "/users/{user_id}/password", "/users/{user_id}/2fa/enable", "/users/{user_id}/2fa/verify":
		path = strings.ReplaceAll(path, "{user_id}", w.own)
	}
	return w.filled(path)
}

// nasty are texts that have broken other services.
var nasty = []string{
	"", " ", "' OR '1'='1", `"; DROP TABLE users; --`, "*)(uid=*))(|(uid=*", `{"$gt":""}`, "../../../etc/passwd", "%00",
	"%2e%2e%2f", "\u202eadmin",
	"ａｄｍｉｎ", "аdmin", "mİke", "\u212aelvin", "a\u0301", strings.Repeat("a", 5000), strings.Repeat("💥", 300),
	"=cmd|' /C calc'!A0", "${jndi:ldap://x}", "{{7*7}}",
	"<script>alert(1)</script>", "-1", "1e309", "NaN", "0x10", "99999999999999999999", "true", "null", "[]", "2024-13-45",
	"0000-00-00", "(a+)+$", ".*", "\t", "\r\nX-Injected: 1",
	"\ufeff", "\ufffe", "\U0010ffff", "a b", "a/b", `a\b`, "a;b", "a?b#c",
}

// TestHostileRequestsCauseNoInternalError puts hostile texts into every text that a call takes, wherever it takes it.
// What comes back is a decision, never a defect, and its request id is ours to find it by.
func TestHostileRequestsCauseNoInternalError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "admin", "other")
	check := func(operation string, r reply) {
		if r.status >= http.StatusInternalServerError || r.status < http.StatusOK || r.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %d %s", operation, r.status, r.body)
		}
	}
	for _, o := range w.operations() {
		method, path, _ := strings.Cut(o, " ")
		if method == http.MethodDelete || strings.HasSuffix(path, "/export") {
			continue
		}
		item := w.check.Document.Paths.Value(path)
		for _, text := range nasty {
			for _, p := range slices.Concat(item.Parameters, item.GetOperation(method).Parameters) {
				name := p.Value.Name
				switch p.Value.In {
				case openapi3.ParameterInPath:
					hostile := strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(text))
					check(o, w.call(t, w.token, method, w.filled(hostile), w.filled(bodies[o])))
				case openapi3.ParameterInQuery:
					check(o, w.call(t, w.token, method, w.filled(path)+"?"+url.Values{name: {text}}.Encode(), w.filled(bodies[o])))
				}
			}
			w.hostileBodies(t, o, text, check)
		}
	}
}

func (w *world) hostileBodies(t *testing.T, operation, text string, check func(string, reply)) {
	t.Helper()
	schema := w.bodySchema(operation)
	if schema == nil {
		return
	}
	method, path, _ := strings.Cut(operation, " ")
	quoted, err := json.Marshal(text)
	must(t, err)
	right := w.filled(bodies[operation])
	if right == "" {
		right = "{}"
	}
	for name, property := range schema.Properties {
		value := string(quoted)
		switch {
		case property.Value.Type.Is("array"):
			value = "[" + value + "]"
		case property.Value.Type.Is("object"):
			value = "{" + value + ":" + value + "}"
		case !property.Value.Type.Is("string"):
			continue
		}
		body := fmt.Sprintf("{%s%q:%s}", comma(without(t, right, name)), name, value)
		check(operation+" "+name, w.call(t, w.token, method, w.filled(path), body))
	}
}

// TestFormsAreAcceptedByOneRouteOnly sends the right bodies as what a browser can send from another site.
func TestFormsAreAcceptedByOneRouteOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "admin", "other")
	for operation, body := range bodies {
		method, path, _ := strings.Cut(operation, " ")
		for _, kind := range []string{
			"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x",
			"application/xml",
		} {
			if strings.HasSuffix(path, "/introspect") && kind == "application/x-www-form-urlencoded" {
				continue
			}
			header := http.Header{"Authorization": {"Bearer " + w.token}, "Content-Type": {kind}}
			r := w.do(t, method, securityapi.Base+w.allowed(path), w.filled(body), header)
			if r.status != http.StatusUnsupportedMediaType || r.text("error") != "unsupported_media_type" {
				t.Errorf("%s as %s: %d %s", operation, kind, r.status, r.body)
			}
		}
	}
}

// TestLoginIsLimitedByTheRealAddress spends the limit and finds that no header gives another.
func TestLoginIsLimitedByTheRealAddress(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{LoginRate: domain.Rate{Limit: 5, Window: 60e9}})
	var r reply
	for i := range 6 {
		header := http.Header{}
		for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "Cf-Connecting-Ip"} {
			header.Set(name, fmt.Sprintf("203.0.113.%d", i))
		}
		r = in.do(t, http.MethodPost, securityapi.Base+"/auth/login", `{"username":"nobody","password":"x"}`, header)
	}
	if r.status != http.StatusTooManyRequests || r.text("error") != "rate_limited" || r.header.Get("Retry-After") == "" ||
		r.header.Get("Ratelimit-Remaining") != "0" {
		t.Errorf("the limit was not met: %d %v %s", r.status, r.header, r.body)
	}
}
