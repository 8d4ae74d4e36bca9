package arch

import (
	"bytes"
	"go/ast"
	"go/token"
	"strings"
	"unicode/utf8"
)

// MaxColumns is the maximum width of a line in characters, a tab counting as one.
const MaxColumns = 120

// longLiteral is the length from which a string literal, such as an encoded key, may exceed the width.
const longLiteral = 60

// columns reports lines that are too wide. A line with a directive or a long string literal is exempt.
func (c *checker) columns(source []byte) {
	if ast.IsGenerated(c.file) {
		return
	}
	exempt := map[int]bool{}
	ast.Inspect(c.file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && len(lit.Value) >= longLiteral {
			for line := c.line(lit.Pos()); line <= c.line(lit.End()); line++ {
				exempt[line] = true
			}
		}
		return true
	})
	for _, group := range c.file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "//nolint") || strings.HasPrefix(comment.Text, "//go:") {
				exempt[c.line(comment.Pos())] = true
			}
		}
	}
	number := 0
	for text := range bytes.Lines(source) {
		number++
		if width := utf8.RuneCount(bytes.TrimRight(text, "\n")); width > MaxColumns && !exempt[number] {
			c.breaches = append(c.breaches, Breach{File: c.name, Line: number, Rule: "a line of more than 120 columns"})
		}
	}
}

func (c *checker) line(at token.Pos) int { return c.positions.Position(at).Line }
