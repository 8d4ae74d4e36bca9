package arch

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The limits for the comments of all Go files, in words per thousand.
//
// The goal is at most GoalQuaint quaint words and at least GoalStandard standard ones. MaxQuaint and MinStandard are
// what the code has reached. They only move towards the goal.
const (
	GoalQuaint   = 2.0
	GoalStandard = 35.0
	MaxQuaint    = 0.5
	MinStandard  = 60.0
)

// quaintWords maps a word that no engineer searches for to the advice for it. Words match as a whole, in any case.
var quaintWords = map[string]string{
	"nobody":       "write no user, no client, none",
	"somebody":     "write a user, a client, another process",
	"anybody":      "write any user, any client",
	"everybody":    "write all users",
	"whoever":      "name the actor, such as the client or the user",
	"whomever":     "name the actor, such as the client or the user",
	"whom":         "use an active sentence",
	"anew":         "write again",
	"afresh":       "write again",
	"thereof":      "write of it",
	"hitherto":     "write until now",
	"forthwith":    "write immediately",
	"told":         "write reported, returned, configured",
	"tells":        "write reports, returns, shows, distinguishes",
	"stands":       "write is stored, is defined, is",
	"stood":        "write was stored, was defined, was",
	"gone":         "write deleted, closed, disconnected, unavailable",
	"letter":       "write email or message; or character",
	"letters":      "write emails or messages; or characters",
	"lent":         "write valid only until",
	"bury":         "write delete",
	"buries":       "write deletes",
	"buried":       "write deleted",
	"burnt":        "write consumed",
	"mend":         "write repair",
	"mends":        "write repairs",
	"mended":       "write repaired",
	"brake":        "write safety limit",
	"brakes":       "write safety limits",
	"doorman":      "write connection limiter",
	"composer":     "write email builder",
	"outlast":      "write wait for",
	"outlasts":     "write waits for",
	"look after":   "write manage",
	"looks after":  "write manages",
	"does as well": "write is enough",
	"in vain":      "write without success",
}

// standardWord matches a word of the field that a reader searches for.
var standardWord = regexp.MustCompile(`(?i)^(` +
	`returns?|context|request|response|handler|errors?|index|cache|transaction|query|record|token|session|user|password|hash|lock|` +
	`mutex|timeout|deadline|retry|store|database|client|server|connection|key|value|field|schema|migration|test|config|` +
	`configuration|parameter|option|interface|implementation|implements|concurrent|goroutine|atomic|buffer|stream|parse|encode|` +
	`decode|validate|permission|role|group|audit|log` +
	`)$`)

var (
	quaintWord = regexp.MustCompile(`(?i)\b(` + strings.Join(longestFirst(quaintWords), "|") + `)\b`)
	anyWord    = regexp.MustCompile(`[A-Za-z']+`)
)

// QuaintWord is one occurrence of a quaint word in a comment.
type QuaintWord struct {
	File string
	Line int
	Word string
}

// String returns the occurrence with its replacement in the form of a compiler's message.
func (q QuaintWord) String() string {
	return fmt.Sprintf("%s:%d: %q: %s", q.File, q.Line, q.Word, quaintWords[strings.ToLower(q.Word)])
}

// WordCount is the count of the words in comments.
type WordCount struct {
	Words, Standard int
	Quaint          []QuaintWord
}

// QuaintRate returns the quaint words in a thousand.
func (c *WordCount) QuaintRate() float64 { return c.rate(len(c.Quaint)) }

// StandardRate returns the standard words in a thousand.
func (c *WordCount) StandardRate() float64 { return c.rate(c.Standard) }

func (c *WordCount) rate(n int) float64 { return 1000 * float64(n) / float64(max(1, c.Words)) }

// CountWords counts the words in the comments of all Go files of a tree. It skips the folders that Go ignores, and
// generated files.
func CountWords(tree fs.FS) (WordCount, error) {
	var count WordCount
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && ignored(entry.Name()) && name != ".":
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return count.Add(name, source)
	})
	return count, err
}

// Add counts the comments of one file. Directives such as //go:build and //nolint are not comments.
func (c *WordCount) Add(name string, source []byte) error {
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parsing %s: %w", name, err)
	}
	if ast.IsGenerated(file) {
		return nil
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			c.comment(name, positions.Position(comment.Pos()).Line, comment.Text)
		}
	}
	return nil
}

func (c *WordCount) comment(name string, line int, text string) {
	if strings.HasPrefix(text, "//go:") || strings.HasPrefix(text, "//nolint") {
		return
	}
	for i, part := range strings.Split(text, "\n") {
		words := anyWord.FindAllString(part, -1)
		c.Words += len(words)
		for _, word := range words {
			if standardWord.MatchString(word) {
				c.Standard++
			}
		}
		for _, word := range quaintWord.FindAllString(part, -1) {
			c.Quaint = append(c.Quaint, QuaintWord{File: name, Line: line + i, Word: word})
		}
	}
}

// longestFirst returns the keys of a map, the longest first, so that a phrase matches before the words in it.
func longestFirst(words map[string]string) []string {
	keys := slices.Collect(maps.Keys(words))
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return keys
}
