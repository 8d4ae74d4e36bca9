package securityapi_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/apicheck"
)

// TestDocumentDocsAndCodeNameTheSameErrors compares what the operations can answer, the table of errors in the
// documentation and what the code declares, as "status code".
func TestDocumentDocsAndCodeNameTheSameErrors(t *testing.T) {
	t.Parallel()
	noOperation := []string{"405 method_not_allowed", "408 request_timeout"} // of what never reached one
	document := append(documentErrors(t), noOperation...)
	slices.Sort(document)
	if diff := cmp.Diff(document, tableErrors(t)); diff != "" {
		t.Errorf("the OpenAPI document (-) and docs/security-api.md (+) differ:\n%s", diff)
	}
	if diff := cmp.Diff(document, declaredErrors(t)); diff != "" {
		t.Errorf("the OpenAPI document (-) and the code (+) differ:\n%s", diff)
	}
}

func documentErrors(t *testing.T) []string {
	t.Helper()
	check, err := apicheck.New(t.Context(), document(t))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for path, item := range check.Document.Paths.Map() {
		for method, o := range item.Operations() {
			listed, _ := o.Extensions["x-error-codes"].(map[string]any)
			if len(listed) == 0 {
				t.Errorf("%s %s names no codes", method, path)
			}
			for status, codes := range listed {
				list, _ := codes.([]any)
				for _, code := range list {
					name, _ := code.(string)
					all = append(all, status+" "+name)
				}
				if o.Responses.Value(status) == nil {
					t.Errorf("%s %s has codes for %s and no response", method, path, status)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

var (
	aside    = regexp.MustCompile(`\([^)]*\)`)
	codeForm = regexp.MustCompile("`([a-z_]+)`")
	rowForm  = regexp.MustCompile(`(?m)^\| (4\d\d|5\d\d) \| (.*) \|$`)
	newFault = regexp.MustCompile(`\b(?:fault\.)?New\((?:fault\.)?([A-Z]\w+), "([a-z_]+)"`)
)

func tableErrors(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/security-api.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, row := range rowForm.FindAllStringSubmatch(string(raw), -1) {
		for _, code := range codeForm.FindAllStringSubmatch(aside.ReplaceAllString(row[2], ""), -1) {
			all = append(all, row[1]+" "+code[1])
		}
	}
	slices.Sort(all)
	return all
}

// elsewhere are the folders whose failures only the Users API shows.
var elsewhere = []string{"rolepolicy"}

func declaredErrors(t *testing.T) []string {
	t.Helper()
	kinds := map[string]fault.Kind{
		"Internal": fault.Internal, "Invalid": fault.Invalid, "Unauthenticated": fault.Unauthenticated,
		"Forbidden": fault.Forbidden,
		"NotFound":  fault.NotFound, "MethodNotAllowed": fault.MethodNotAllowed, "Conflict": fault.Conflict,
		"PreconditionFailed": fault.PreconditionFailed, "TooLarge": fault.TooLarge,
		"UnsupportedMedia": fault.UnsupportedMedia,
		"HeaderTooLarge":   fault.HeaderTooLarge, "RequestTimeout": fault.RequestTimeout, "Locked": fault.Locked,
		"RateLimited": fault.RateLimited, "Unavailable": fault.Unavailable,
	}
	var all []string
	read := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		if slices.Contains(elsewhere, filepath.Base(filepath.Dir(path))) {
			return nil
		}
		raw, err := os.ReadFile(path)
		for _, found := range newFault.FindAllStringSubmatch(string(raw), -1) {
			kind, known := kinds[found[1]]
			if !known {
				t.Errorf("%s declares a failure of the unknown kind %s", path, found[1])
			}
			all = append(all, strconv.Itoa(httpserver.StatusOf(kind))+" "+found[2])
		}
		return err
	}
	for _, folder := range []string{"../../core", "../httpserver", "."} {
		if err := filepath.WalkDir(folder, read); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
