package e2e_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// TestImportOverHTTPRefusesRowsThatWouldEscalate imports as a user with system.import alone, as an API key with it, and
// as the operator.
func TestImportOverHTTPRefusesRowsThatWouldEscalate(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	role := access.RoleInput{ID: "importer", Name: "Importer", Permissions: []string{"system.import"}}
	_, err := in.Access.CreateRole(t.Context(), domain.Operator(), role)
	must(t, err)
	id := string(in.Register(t, "importer", userPassword, "importer").ID)
	session := in.token(t, "importer", userPassword)
	rows := func(prefix string) string {
		return fmt.Sprintf("{\"username\":\"%[1]s1\",\"email\":\"%[1]s1@example.com\",\"role\":\"admin\"}\n"+
			"{\"username\":\"%[1]s2\",\"email\":\"%[1]s2@example.com\"}\n"+
			"{\"type\":\"role\",\"name\":\"%[1]s\",\"level\":60,\"permissions\":[\"users.manage\"]}\n", prefix)
	}
	for prefix, token := range map[string]string{"session": session, "key": in.apiKey(t, session, id, "system.import")} {
		r := in.call(t, token, http.MethodPost, "/imports", rows(prefix))
		if r.object["created"] != 1.0 || r.object["refused"] != 2.0 {
			t.Errorf("%s: %d %s", prefix, r.status, r.body)
		}
	}
	r := in.do(t, http.MethodPost, controlSocket+securityapi.Base+"/imports", rows("local"), nil)
	if r.object["created"] != 3.0 {
		t.Errorf("operator: %d %s", r.status, r.body)
	}
	actors := map[string]int{}
	for _, e := range in.Logged(t, domain.ActionImport) {
		actors[e.UserID]++
	}
	if actors["cli"] != 1 || actors[id] != 2 {
		t.Errorf("the actors of the imports are %v", actors)
	}
}

// TestImportStreamsABodyOfAnyLength sends rows while it reads the results, far beyond the limit of other bodies.
func TestImportStreamsABodyOfAnyLength(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	reader, writer := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, in.url+securityapi.Base+"/imports?dry_run=true",
		reader)
	must(t, err)
	req.Header = http.Header{
		"Authorization": {"Bearer " + in.admin}, "Content-Type": {httpserver.LinesType}, "Accept": {httpserver.LinesType},
	}
	const rows = 3000
	padding := strings.Repeat("x", 100)
	written := make(chan error, 1)
	write := func(from, to int) (err error) {
		for n := from; n < to && err == nil; n++ {
			_, err = fmt.Fprintf(writer, "{\"username\":\"user%d\",\"email\":\"user%d@example.com\",\"full_name\":\"%s\"}\n", n,
				n, padding)
		}
		return err
	}
	go func() { written <- write(0, 1000) }()
	res, err := http.DefaultTransport.RoundTrip(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewReader(res.Body)
	if line, err := lines.ReadString('\n'); err != nil || line != `{"progress":{"done":1000,"what":"rows"}}`+"\n" {
		t.Fatalf("%q, %v", line, err)
	}
	must(t, <-written)
	go func() { written <- write(1000, rows); _ = writer.Close() }()
	rest, err := io.ReadAll(lines)
	must(t, err)
	if want := fmt.Sprintf(`{"result":{"created":%d,"refused":0,"rows":[],"rows_omitted":0,"unchanged":0}}`,
		rows); !strings.Contains(string(rest), want) {
		t.Errorf("%s", rest)
	}
	must(t, <-written)
}

func TestImportOfEmptyLinesHasAnEnd(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	header := http.Header{"Authorization": {"Bearer " + in.admin}, "Content-Type": {httpserver.LinesType}}
	r := in.do(t, http.MethodPost, securityapi.Base+"/imports", strings.Repeat("\n", 1_000_001), header)
	if r.status != http.StatusBadRequest || !strings.Contains(r.body, "at most 1000000 rows") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestImportEndsWithTheCredentialOfItsClient revokes the session of an import that is waiting for more rows.
func TestImportEndsWithTheCredentialOfItsClient(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	id := in.Register(t, "importer", userPassword, "admin").ID
	reader, writer := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, in.url+securityapi.Base+"/imports", reader)
	must(t, err)
	req.Header = http.Header{
		"Authorization": {"Bearer " + in.token(t, "importer", userPassword)}, "Content-Type": {httpserver.LinesType},
		"Accept": {httpserver.LinesType},
	}
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(writer, "{\"type\":\"role\",\"name\":\"clerk\",\"level\":60}\nx\n")
		written <- err
	}()
	res, err := http.DefaultTransport.RoundTrip(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewReader(res.Body)
	_, err = lines.ReadString('\n') // the second line is refused at once
	must(t, err)
	must(t, <-written)
	_, err = in.Account.Deactivate(t.Context(), domain.Operator(), id)
	must(t, err)
	go func() {
		_, err := io.WriteString(writer, "{\"username\":\"late\",\"email\":\"late@example.com\"}\n")
		written <- err
		_ = writer.Close()
	}()
	rest, err := io.ReadAll(lines)
	must(t, err)
	must(t, <-written)
	if !strings.Contains(string(rest), `{"status":401,`) {
		t.Errorf("%s", rest)
	}
	if _, err := in.Store.Users().FindByLogin(t.Context(), "late"); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("a row that arrived later: %v", err)
	}
	entries := in.Logged(t, domain.ActionImport)
	if len(entries) != 1 || entries[0].Success || entries[0].UserID != string(id) {
		t.Errorf("the entries of the import are %+v", entries)
	}
}
