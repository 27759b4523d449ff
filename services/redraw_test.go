package services_test

import (
	"bytes"
	"errors"
	"testing"
)

// Marks in a text between which the picture of who talks to whom stands.
const (
	pictureBegin = "<!-- graph -->\n"
	pictureEnd   = "<!-- /graph -->"
)

// errNoPicture means that a text has no place for the picture.
var errNoPicture = errors.New("there is no <!-- graph --> … <!-- /graph --> in the text")

// redraw replaces the picture in a text, the README, by the given Mermaid.
func redraw(text []byte, mermaid string) ([]byte, error) {
	before, rest, ok := bytes.Cut(text, []byte(pictureBegin))
	_, after, closed := bytes.Cut(rest, []byte(pictureEnd))
	if !ok || !closed {
		return nil, errNoPicture
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(pictureBegin + "```mermaid\n" + mermaid + "```\n" + pictureEnd)
	b.Write(after)
	return b.Bytes(), nil
}

func TestOnlyThePictureIsRedrawn(t *testing.T) {
	got, err := redraw([]byte("before\n<!-- graph -->\nold\n<!-- /graph -->\nafter"), "new\n")
	if err != nil || string(got) != "before\n<!-- graph -->\n```mermaid\nnew\n```\n<!-- /graph -->\nafter" {
		t.Errorf("%q, %v", got, err)
	}
	if again, err := redraw(got, "new\n"); err != nil || string(again) != string(got) {
		t.Errorf("drawn twice: %q, %v", again, err)
	}
	for _, text := range []string{"", "<!-- graph -->\n", "<!-- /graph --><!-- graph -->\n"} {
		if _, err := redraw([]byte(text), "x"); !errors.Is(err, errNoPicture) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
