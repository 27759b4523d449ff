package node

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/reevenet/reeve/cmd/internal/gateway"
)

// looks is what is logged when the checks are so at one look after the other.
func looks(lists ...[]gateway.Check) string {
	var log bytes.Buffer
	u := unwell{log: slog.New(slog.NewTextHandler(&log, nil)), known: map[string]*failing{}}
	for _, l := range lists {
		u.see(l)
	}
	return log.String()
}

func TestACheckThatFailsIsLoggedOnceAndOnceWhenItHoldsAgain(t *testing.T) {
	ill := []gateway.Check{{Name: "engine-progress", Instance: "kv", Cause: "nothing moves"}, {Name: "disk", OK: true}}
	well := []gateway.Check{{Name: "engine-progress", Instance: "kv", OK: true}, {Name: "disk", OK: true}}
	text := looks(well, ill, ill, ill, ill, well, well)
	for _, want := range []string{
		`msg="a check fails" check=engine-progress instance=kv`, `err="nothing moves"`, `msg="a check holds again"`,
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q isn't there once:\n%s", want, text)
		}
	}
	if lines := strings.Count(text, "\n"); lines != 2 {
		t.Errorf("%d lines:\n%s", lines, text)
	}
}

func TestWhatFailsAtOneLookAloneIsNotWorthALine(t *testing.T) {
	ill, well := []gateway.Check{{Name: "keystore"}}, []gateway.Check{{Name: "keystore", OK: true}}
	if text := looks(ill, well, ill, nil, ill, well); text != "" {
		t.Error(text)
	}
}
