package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

const longestLine = 4096

// readPassword prompts for a password on a terminal, without echo, and twice if twice is set. Without a terminal it
// reads the next line of standard input. Passwords are never arguments, which every process on the machine can read.
func (a *app) readPassword(what string, twice bool) (string, error) {
	if !a.terminal {
		return a.readLine(what)
	}
	first, err := a.ask(what + ": ")
	if err != nil || !twice {
		return first, err
	}
	second, err := a.ask(what + " again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", usagef("the passwords do not match")
	}
	return first, nil
}

func (a *app) ask(prompt string) (string, error) {
	a.printf(a.err, "%s", prompt)
	typed, err := term.ReadPassword(int(os.Stdin.Fd()))
	a.printf(a.err, "\n")
	return string(typed), err
}

func (a *app) readLine(what string) (string, error) {
	if a.lines == nil {
		a.lines = bufio.NewReader(io.LimitReader(a.in, 2*longestLine))
	}
	line, err := a.lines.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	line = strings.TrimPrefix(line, "\ufeff") // PowerShell writes a byte order mark into its pipes
	if line == "" {
		return "", usagef("no %s on standard input: without a terminal it is read from there, one per line",
			strings.ToLower(what))
	}
	return line, nil
}
