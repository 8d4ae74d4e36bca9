package e2e_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/test/kit"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata")

// TestGolden runs each file of testdata against an installation of its own.
//
// A file is a sequence of steps. "name.request" is a request (with paths below the API's base, unless they begin with
// "//", or "socket:" for the control socket); "name.response" is its response, with values that differ between runs
// masked. "name.clock" advances the time, "name.mail" is the email that was sent. {{name.member}} is a member of an
// earlier response, {{admin}} the administrator's token.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	must(t, err)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			play(t, file)
		})
	}
}

// story is one file as it is played.
type story struct {
	*installation

	archive *txtar.Archive
	values  map[string]any
	mask    *masker
}

func play(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	must(t, err)
	s := &story{installation: install(t, kit.Options{}), archive: archive, values: map[string]any{}, mask: newMasker()}
	s.values["admin"] = s.admin
	var steps []txtar.File
	for _, f := range archive.Files {
		name, kind, _ := strings.Cut(f.Name, ".")
		switch kind {
		case "request":
			steps = append(steps, f, txtar.File{Name: name + ".response", Data: s.request(t, name, string(f.Data))})
		case "mail":
			steps = append(steps, txtar.File{Name: f.Name, Data: s.mail(t, name)})
		case "clock":
			d, err := time.ParseDuration(strings.TrimSpace(string(f.Data)))
			must(t, err)
			s.Clock.Forward(d)
			steps = append(steps, f)
		case "response":
		default:
			t.Fatalf("%s: no such kind of step", f.Name)
		}
	}
	got := txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: steps})
	if *update {
		must(t, os.WriteFile(file, got, 0o600))
		return
	}
	if diff := cmp.Diff(string(txtar.Format(archive)), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); -update rewrites it:\n%s", file, diff)
	}
}

// request sends what the step says and returns the answer as it is kept.
func (s *story) request(t *testing.T, name, text string) []byte {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, path, _ := strings.Cut(s.fill(t, lines[0]), " ")
	header := http.Header{}
	for _, line := range lines[1:] {
		field, value, _ := strings.Cut(s.fill(t, line), ": ")
		header.Add(field, value)
	}
	if root, isRoot := strings.CutPrefix(path, "/"); isRoot && strings.HasPrefix(root, "/") {
		path = root
	} else if rest, isSocket := strings.CutPrefix(path, controlSocket); isSocket {
		path = controlSocket + securityapi.Base + rest
	} else {
		path = securityapi.Base + path
	}
	r := s.do(t, method, path, strings.TrimSuffix(s.fill(t, body), "\n"), header)
	s.values[name] = r.object
	return s.keep(t, r)
}

// shown are the headers that are part of the contract.
var shown = []string{
	"Location", "WWW-Authenticate", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining",
	"RateLimit-Reset", "ETag", "Allow", "Idempotency-Replayed", "Content-Disposition",
}

func (s *story) keep(t *testing.T, r reply) []byte {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintln(&b, r.status)
	for _, name := range shown {
		if v := r.header.Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, s.mask.text(v))
		}
	}
	b.WriteByte('\n')
	if r.object == nil {
		b.WriteString(s.mask.text(r.body))
	} else {
		raw, err := json.MarshalIndent(s.mask.value("", r.object), "", "  ")
		must(t, err)
		b.Write(raw)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

var tokenInMail = regexp.MustCompile(`token=([A-Za-z0-9_-]+)`)

// mail takes the waiting messages; the token of the last one that has any is {{name.token}}.
func (s *story) mail(t *testing.T, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, email := range s.SentEmails(t) {
		fmt.Fprintf(&b, "To: %s\nSubject: %s\n", email.To, email.Subject)
		if found := tokenInMail.FindStringSubmatch(email.Text); found != nil {
			s.values[name] = map[string]any{"token": found[1]}
			b.WriteString("with a token\n")
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

var variable = regexp.MustCompile(`\{\{([a-z0-9_.]+)\}\}`)

// fill replaces {{name.member}} by what earlier answers held.
func (s *story) fill(t *testing.T, text string) string {
	t.Helper()
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		var value any = s.values
		for part := range strings.SplitSeq(strings.Trim(found, "{}"), ".") {
			switch v := value.(type) {
			case map[string]any:
				value = v[part]
			case []any:
				var i int
				_, err := fmt.Sscanf(part, "%d", &i)
				must(t, err)
				value = v[i]
			}
		}
		filled, ok := value.(string)
		if !ok {
			t.Fatalf("%s is not known", found)
		}
		return filled
	})
}

// masker gives what differs between runs a name that does not: the first user's id is usr_1 in every run.
type masker struct{ seen map[string]string }

func newMasker() *masker { return &masker{seen: map[string]string{}} }

var changing = regexp.MustCompile(
	`\b(?:(usr|grp|sess|key|log|tpt)_[0-9a-hjkmnp-tv-z]{26}|(req)_[0-9a-z]{24}|(eyJ)[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+|(ort)_[A-Za-z0-9_-]+|(sk_live)_[A-Za-z0-9]+)`)

func (m *masker) text(text string) string {
	return changing.ReplaceAllStringFunc(text, func(found string) string {
		if name, known := m.seen[found]; known {
			return name
		}
		kind := changing.FindStringSubmatch(found)
		prefix := strings.Join(kind[1:], "")
		name := "req_…"
		if prefix != "req" {
			n := 1
			for _, other := range m.seen {
				if strings.HasPrefix(other, prefix+"_") {
					n++
				}
			}
			name = fmt.Sprintf("%s_%d…", prefix, n)
		}
		m.seen[found] = name
		return name
	})
}

// hidden are members whose values are random in a form of their own.
var hidden = []string{
	"key", "verifier_key", "next_cursor", "token", "url", "secret", "qr_code", "change_token", "kid",
	"x", "prefix",
}

func (m *masker) value(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		masked := maps.Clone(v)
		for _, key := range sortedKeys(masked) { // ids are numbered in the order of reading
			masked[key] = m.value(key, masked[key])
		}
		return masked
	case []any:
		masked := make([]any, 0, len(v))
		for _, inner := range v {
			masked = append(masked, m.value(strings.TrimSuffix(name, "s"), inner))
		}
		return masked
	case string:
		signingKey := name == "key_id" && !strings.HasPrefix(v, "key_")
		if slices.Contains(hidden, name) || name == "backup_code" || signingKey {
			return "…"
		}
		return m.text(v)
	default:
		return v
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
