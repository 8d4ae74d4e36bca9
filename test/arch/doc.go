// Package arch checks the shape of the code base: who imports whom, what the core may touch, where Fx lives, how long a
// file gets. It reads source files instead of built packages, so that no build tag hides one from it.
//
// The rules are those of CONTRIBUTING.md. The linter has most of them too; this is the one that runs with the tests,
// everywhere, and it proves on planted breaches that it would see a real one.
package arch
