//go:build !linux

package main

// returnProgramPages does nothing: other systems say what is theirs in other ways.
func returnProgramPages() {}
