package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
)

// otherRuleFirst are calls that the administrator of the test may not make, or that another member refuses first.
var otherRuleFirst = map[string]bool{
	"POST /auth/login": true, "POST /setup": true, "POST /auth/oidc/token": true, "POST /auth/oidc/{provider}/link": true,
	"PUT /users/{user_id}/password": true,
}

// TestBodiesAtAndBeyondLimits sends to every call, as an administrator, each member at the limits that the document
// states and one beyond them. A member beyond is refused by name; one at the limit is not.
func TestBodiesAtAndBeyondLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "admin", "other")
	roles := []string{"admin"}
	for i := range domain.Limits.RequiredRoles.Max {
		id := fmt.Sprintf("role-%d", i)
		roles = append(roles, id)
		_, err := w.Access.CreateRole(t.Context(), domain.Operator(), access.RoleInput{ID: id, Name: id})
		must(t, err)
	}
	tried := 0
	for _, o := range w.operations() {
		schema := w.bodySchema(o)
		if schema == nil || otherRuleFirst[o] {
			continue
		}
		tried += w.tryLimits(t, o, "", schema, roles)
	}
	if tried < 60 {
		t.Errorf("only %d values were tried", tried)
	}
}

func (w *world) tryLimits(t *testing.T, operation, policy string, schema *openapi3.Schema, roles []string) (tried int) {
	t.Helper()
	// The order is fixed: the range of account_max_attempts begins at max_attempts, which is changed after it.
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		if property.Value.Type.Is("object") && operation == "PATCH /settings/security" {
			tried += w.tryLimits(t, operation, name, property.Value, roles)
			continue
		}
		field := strings.TrimPrefix(policy+"."+name, ".")
		values := limitValues(name, property.Value, roles)
		for _, value := range slices.Sorted(maps.Keys(values)) {
			allowed := values[value]
			tried++
			member := fmt.Sprintf("%q:%s", name, value)
			body := "{" + member + "}"
			if policy != "" {
				body = fmt.Sprintf("{%q:%s}", policy, body)
			} else if operation == "POST /users" && name == "password" {
				body = fmt.Sprintf(`{"username":"u%d","email":"u%d@example.com",%s}`, len(value), len(value), member)
			} else if right := w.filled(bodies[operation]); right != "" {
				body = "{" + comma(without(t, right, name)) + member + "}"
			}
			method, path, _ := strings.Cut(operation, " ")
			r := w.call(t, w.token, method, w.allowed(path), body)
			refused := r.status == http.StatusBadRequest && strings.Contains(r.body, `"field":"`+field)
			if refused == allowed {
				t.Errorf("%s: %s of %d bytes is refused: %t, %d %.300s", operation, field, len(value), refused, r.status, r.body)
			}
		}
	}
	return tried
}

// limitValues returns values of a schema in JSON, and whether its limits allow each.
func limitValues(name string, s *openapi3.Schema, roles []string) map[string]bool {
	values := map[string]bool{}
	add := func(n uint64, allowed bool) {
		raw, _ := json.Marshal(valueOf(name, s, int(n), roles))
		values[string(raw)] = allowed
	}
	least, most := s.MinLength, s.MaxLength
	if s.Type.Is("array") {
		least, most = s.MinItems, s.MaxItems
	}
	if most != nil {
		add(*most, true)
		add(*most+1, false)
	}
	if least > 0 && name != "password" && most != nil {
		add(least-1, false)
	}
	if s.Min != nil && s.Max != nil {
		values[strconv.Itoa(int(*s.Min))] = name != "account_max_attempts" // at least max_attempts
		values[strconv.Itoa(int(*s.Max))] = true
		values[strconv.Itoa(int(*s.Min)-1)] = false
		values[strconv.Itoa(int(*s.Max)+1)] = false
	}
	return values
}

// valueOf returns a value of a text or list schema with the length n.
func valueOf(name string, s *openapi3.Schema, n int, roles []string) any {
	switch name {
	case "email":
		labels := strings.Repeat(strings.Repeat("b", 62)+".", 4)
		return strings.Repeat("a", min(n, 40)) + ("@" + labels)[:max(0, n-40-3)] + "org"[:min(n, 3)]
	case "password", "new_password", "current_password":
		return ("Aa1-" + strings.Repeat("b", n))[:n]
	case "required_for_roles":
		return roles[:n]
	case "methods":
		return []string{"totp", "sms", "totp"}[:n]
	case "groups":
		return repeated("team", n)
	case "permissions":
		return repeated("bots.use", n)
	}
	if s.Type.Is("array") {
		return repeated("a", n)
	}
	return strings.Repeat("a", n)
}

func repeated(text string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = text
	}
	return list
}

// TestQueriesAndHeadersAtAndBeyondLimits is TestBodiesAtAndBeyondLimits for parameters.
func TestQueriesAndHeadersAtAndBeyondLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "admin", "other")
	text := func(name string, limit domain.Limit) (at, beyond string) {
		return name + "=" + strings.Repeat("a", limit.Max), name + "=" + strings.Repeat("a", limit.Max+1)
	}
	number := func(name string, limit domain.Limit) (at, beyond string) {
		return fmt.Sprintf("%s=%d", name, limit.Max), fmt.Sprintf("%s=%d", name, limit.Max+1)
	}
	pairs := map[string][2]string{}
	pair := func(path, at, beyond string) { pairs[path+"?"+at] = [2]string{path + "?" + at, path + "?" + beyond} }
	at, beyond := text("search", domain.Limits.Search)
	pair("/users", at, beyond)
	at, beyond = number("limit", domain.Limits.PageSize)
	pair("/users", at, beyond)
	pair("/roles", at, beyond)
	pair("/users", "page=1", "page=0")
	at, beyond = text("user_id", domain.Limits.AuditFilter)
	pair("/audit/logs", at, beyond)
	at, beyond = text("request_id", domain.Limits.AuditFilter)
	pair("/audit/logs", at, beyond)
	for _, p := range pairs {
		name, _, _ := strings.Cut(p[0][strings.Index(p[0], "?")+1:], "=")
		if r := w.call(t, w.token, http.MethodGet, p[0], ""); r.status != http.StatusOK {
			t.Errorf("%.60s: %d %s", p[0], r.status, r.body)
		}
		r := w.call(t, w.token, http.MethodGet, p[1], "")
		if r.status != http.StatusBadRequest || !strings.Contains(r.body, `"field":"`+name) {
			t.Errorf("%.60s: %d %s", p[1], r.status, r.body)
		}
	}
	w.tryIdempotencyKeys(t)
}

func (w *world) tryIdempotencyKeys(t *testing.T) {
	t.Helper()
	most := domain.Limits.IdempotencyKey.Max
	for n, status := range map[int]int{most: http.StatusCreated, most + 1: http.StatusBadRequest} {
		header := http.Header{"Authorization": {"Bearer " + w.token}, "Idempotency-Key": {strings.Repeat("k", n)}}
		r := w.do(t, http.MethodPost, "/api/v1/security/groups", `{"name":"`+url.QueryEscape(fmt.Sprint("g", n))+`"}`, header)
		if r.status != status {
			t.Errorf("a key of %d bytes: %d %s", n, r.status, r.body)
		}
	}
}
