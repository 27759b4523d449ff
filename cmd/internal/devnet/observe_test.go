package devnet

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A node whose overseer answers is there, whatever else of it is missing.
func TestWhatIsKnownOfANodeIsShownWhenTheRestIsNot(t *testing.T) {
	const sick = `{"healthy":false,"checks":[{"name":"vmhost","cause":"it isn't attached"}]}`
	const info = `{"peers":2,"chains":[{"name":"kv","height":19}]}`
	for name, c := range map[string]struct {
		health, info string // "": 503
		answers      bool
		height       uint64
		says         string
	}{
		"all of it":      {sick, info, true, 19, "vmhost: it isn't attached"},
		"health alone":   {sick, "", true, 0, "vmhost: it isn't attached; the node doesn't say how far it is"},
		"chains alone":   {"", info, true, 19, "the node doesn't say how it is"},
		"nothing at all": {"", "", false, 0, "the node doesn't answer yet"},
	} {
		door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := c.info
			if strings.HasPrefix(r.URL.Path, "/ext/health") {
				body = c.health
			}
			if body == "" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			w.Write([]byte(body))
		}))
		var s NodeStatus
		answers := Observe(t.Context(), strings.TrimPrefix(door.URL, "http://"), &s) == nil
		door.Close()
		if answers != c.answers || s.Ready || s.Height != c.height || !strings.HasPrefix(s.Cause, c.says) {
			t.Errorf("%s: answers %v, height %d, %s", name, answers, s.Height, s.Cause)
		}
	}
}
