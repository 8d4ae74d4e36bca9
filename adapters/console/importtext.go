package console

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// notUTF8 is the reason for a row in another encoding, such as Windows-1252, whose characters would be lost.
const notUTF8 = "it is not in UTF-8"

// errUTF16 is what Windows programs write as "Unicode", and PowerShell's > by default.
var errUTF16 = errors.New("the file is in UTF-16: save it as UTF-8")

// utf8Text returns the text of a file without a byte order mark. Text in UTF-16, with or without its mark, is errUTF16.
func utf8Text(from io.Reader) (io.Reader, error) {
	text := bufio.NewReader(from)
	head, err := text.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, start := range []string{"\xff\xfe", "\xfe\xff", "{\x00", "\x00{"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return nil, errUTF16
		}
	}
	if string(head) == "\xef\xbb\xbf" {
		_, err = text.Discard(len(head))
		return text, err
	}
	return text, nil
}
