// Package arch tests the structure of the code base: imports between packages, use of the clock in the core, where Fx
// is used, the length of files, the words of comments. It reads source files instead of built packages, so that no
// build tag hides a violation.
//
// The rules are those of CONTRIBUTING.md. The linter checks most of them too. This package runs with the tests, without
// a linter, and its own tests prove on planted violations that it reports them.
package arch
