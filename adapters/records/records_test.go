package records_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/conformance"
)

// comesBack fails for a field of T that is lost on the way into its document and back.
func comesBack[T any, R records.Kind](record func(*T) R, thing func(*R) T) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		var empty T
		for _, want := range []T{conformance.Filled[T](), empty} {
			r := record(&want)
			if diff := cmp.Diff(want, thing(&r)); diff != "" {
				t.Errorf("it differs (-want +got):\n%s", diff)
			}
		}
	}
}

func TestEveryFieldComesBack(t *testing.T) {
	t.Parallel()
	t.Run("user", comesBack(records.NewUser, (*records.User).Domain))
	t.Run("session", comesBack(records.NewSession, (*records.Session).Domain))
	t.Run("API key", comesBack(records.NewAPIKey, (*records.APIKey).Domain))
	t.Run("third-party token", comesBack(records.NewThirdPartyToken, (*records.ThirdPartyToken).Domain))
	t.Run("role", comesBack(records.NewRole, (*records.Role).Domain))
	t.Run("group", comesBack(records.NewGroup, (*records.Group).Domain))
	t.Run("settings", comesBack(records.NewSettings, (*records.Settings).Domain))
	t.Run("signing key", comesBack(records.NewSigningKey, (*records.SigningKey).Domain))
	t.Run("sync position", comesBack(records.NewSyncPosition, (*records.SyncPosition).Domain))
	t.Run("attempts", comesBack(records.NewAttempts, (*records.Attempts).Domain))
	t.Run("message", comesBack(records.NewMessage, (*records.Message).Domain))
	t.Run("idempotency record", comesBack(records.NewIdempotency, (*records.Idempotency).Domain))
}

func TestAnEmptyListIsNotNone(t *testing.T) {
	t.Parallel()
	want := domain.User{Tokens: []domain.UserToken{}, Sessions: []domain.SessionRef{}}
	r := records.NewUser(&want)
	if diff := cmp.Diff(want, r.Domain()); diff != "" {
		t.Errorf("the lists differ (-want +got):\n%s", diff)
	}
}

// TestEveryFieldHasBothNames reads the source, so that a struct which no document uses yet is held to the rule as well.
func TestEveryFieldHasBothNames(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || name == "activity.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if s, ok := node.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					fields++
					checkTag(t, field)
				}
			}
			return true
		})
	}
	if fields < 100 {
		t.Errorf("%d fields were found: these are not the records", fields)
	}
}

func checkTag(t *testing.T, field *ast.Field) {
	t.Helper()
	if field.Tag == nil || len(field.Names) != 1 {
		t.Errorf("the field %v has no tag of its own", field.Names)
		return
	}
	text, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"json", "bson"} {
		if name, _, _ := strings.Cut(reflect.StructTag(text).Get(key), ","); name == "" {
			t.Errorf("the field %s has no %s name", field.Names[0], key)
		}
	}
}
