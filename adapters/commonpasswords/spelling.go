package commonpasswords

import (
	"strings"
	"unicode"
)

// maxDecoration is how many bytes before or after a word are looked at as decoration.
const maxDecoration = 16

var (
	// The signs that replace characters of the alphabet. One and the exclamation mark replace two.
	plainWithI = strings.NewReplacer("@", "a", "4", "a", "8", "b", "3", "e", "6", "g", "1", "i", "!", "i", "0", "o", "$",
		"s", "5", "s", "7", "t", "+", "t")
	plainWithL = strings.NewReplacer("@", "a", "4", "a", "8", "b", "3", "e", "6", "g", "1", "l", "!", "l", "0", "o", "$",
		"s", "5", "s", "7", "t", "+", "t")
	// What the shift key makes of digits on the most common keyboards.
	unshifted = strings.NewReplacer("!", "1", "@", "2", "#", "3", "$", "4", "%", "5", "^", "6", "&", "7", "*", "8", "(",
		"9", ")", "0")
	separators = strings.NewReplacer("-", "", "_", "", ".", "", " ", "", "!", "", "#", "", "+", "")
)

// rows are what fingers run along.
var rows = bothWays(
	"abcdefghijklmnopqrstuvwxyz", "012345678901234567890123456789", "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
	"qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm",
	"azertyuiopqsdfghjklmwxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "a1b2c3d4e5f6g7h8i9",
	"!@#$%^&*()",
)

func bothWays(rows ...string) []string {
	for _, row := range rows {
		back := []byte(row)
		for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
			back[i], back[j] = back[j], back[i]
		}
		rows = append(rows, string(back))
	}
	return rows
}

// isRun reports whether text is a piece of a row.
func isRun(text string) bool {
	if len(text) < minWord {
		return false
	}
	for _, row := range rows {
		if strings.Contains(row, text) {
			return true
		}
	}
	return false
}

// isDecoration reports whether text is what people put before or after a word: at most four digits or a run of them,
// and at most two signs or one sign several times, in any order.
func isDecoration(text string) bool {
	var digits, signs []byte
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c < 0x80 && !isLetter(rune(c)):
			signs = append(signs, c)
		default:
			return false
		}
	}
	return isPredictable(string(digits), 4) && isPredictable(string(signs), 2)
}

func isPredictable(text string, few int) bool {
	return len(text) <= few || isRun(text) || strings.Trim(text, text[:1]) == ""
}

func isLetter(r rune) bool { return unicode.IsLetter(r) }
