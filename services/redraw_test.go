package services_test

import (
	"bytes"
	"fmt"
	"testing"
)

// redraw replaces what stands in a text between <!-- mark --> and <!-- /mark -->.
func redraw(text []byte, mark, content string) ([]byte, error) {
	begin, end := []byte("<!-- "+mark+" -->\n"), []byte("<!-- /"+mark+" -->")
	before, rest, ok := bytes.Cut(text, begin)
	_, after, closed := bytes.Cut(rest, end)
	if !ok || !closed {
		return nil, fmt.Errorf("there is no <!-- %s --> … <!-- /%s --> in the text", mark, mark)
	}
	return bytes.Join([][]byte{before, begin, []byte(content), end, after}, nil), nil
}

func TestOnlyWhatIsMarkedIsRedrawn(t *testing.T) {
	got, err := redraw([]byte("before\n<!-- graph -->\nold\n<!-- /graph -->\nafter"), "graph", "new\n")
	if err != nil || string(got) != "before\n<!-- graph -->\nnew\n<!-- /graph -->\nafter" {
		t.Errorf("%q, %v", got, err)
	}
	if again, err := redraw(got, "graph", "new\n"); err != nil || string(again) != string(got) {
		t.Errorf("drawn twice: %q, %v", again, err)
	}
	for _, text := range []string{"", "<!-- graph -->\n", "<!-- /graph --><!-- graph -->\n"} {
		if _, err := redraw([]byte(text), "graph", "x"); err == nil {
			t.Errorf("%q has a place for it", text)
		}
	}
}
