package overseer

import (
	"bytes"
	"errors"
)

// Marks in a text between which the picture of who talks to whom stands.
const (
	pictureBegin = "<!-- graph -->\n"
	pictureEnd   = "<!-- /graph -->"
)

// ErrNoPicture means that a text has no place for the picture.
var ErrNoPicture = errors.New("there is no <!-- graph --> … <!-- /graph --> in the text")

// Redraw replaces the picture in a text, the README, by the given Mermaid.
func Redraw(text []byte, mermaid string) ([]byte, error) {
	before, rest, ok := bytes.Cut(text, []byte(pictureBegin))
	_, after, closed := bytes.Cut(rest, []byte(pictureEnd))
	if !ok || !closed {
		return nil, ErrNoPicture
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(pictureBegin + "```mermaid\n" + mermaid + "```\n" + pictureEnd)
	b.Write(after)
	return b.Bytes(), nil
}
