package events_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/vmhost/vmsdk/events"
)

func listen(t *testing.T, s *events.Stream) *http.Response {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	r, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	if _, err := r.Body.Read(make([]byte, 100)); err != nil { // the greeting: the listener is there now
		t.Fatal(err)
	}
	return r
}

func read(r *http.Response) (got []string) {
	events.Read(r.Body, func(data []byte) bool {
		got = append(got, string(data))
		return true
	})
	return got
}

func TestAListenerGetsWhatIsPublishedUntilTheEnd(t *testing.T) {
	var s events.Stream
	s.Publish("early", "nobody listens")
	r := listen(t, &s)
	s.Publish("block", map[string]int{"height": 1})
	s.Publish("block", "two")
	s.Close()
	if d := cmp.Diff([]string{`{"height":1}`, `"two"`}, read(r)); d != "" {
		t.Error(d)
	}
	if late, err := http.Get(r.Request.URL.String()); err != nil || read(late) != nil {
		t.Errorf("after the end: %v", err)
	}
}

// slow is a listener whose connection takes nothing until it is told to.
type slow struct {
	*httptest.ResponseRecorder
	wrote, go_ chan struct{}
}

func (s *slow) Write(b []byte) (int, error) {
	s.wrote <- struct{}{}
	<-s.go_
	return s.ResponseRecorder.Write(b)
}

func TestAListenerThatDoesNotKeepUpIsCutOff(t *testing.T) {
	var s events.Stream
	w := &slow{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	done := make(chan struct{})
	go func() {
		s.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		close(done)
	}()
	<-w.wrote
	for i := range 1000 {
		s.Publish("n", i)
	}
	close(w.go_)
	for open := true; open; {
		select {
		case <-w.wrote:
		case <-done:
			open = false
		}
	}
	got := 0
	events.Read(w.Body, func([]byte) bool { got++; return true })
	if got == 0 || got >= 1000 {
		t.Errorf("it got %d of 1000 events; it should get the first ones", got)
	}
}

func TestReadSkipsWhatIsNoData(t *testing.T) {
	var got []string
	stream := strings.NewReader(": comment\n\nevent: x\ndata: 1\n\nid: 7\ndata: 2\n\ndata: 3\n\n")
	events.Read(stream, func(data []byte) bool {
		got = append(got, string(data))
		return len(got) < 2
	})
	if d := cmp.Diff([]string{"1", "2"}, got); d != "" {
		t.Error(d)
	}
}

func TestAStreamThatBreaksIsReadToItsBreakAndNoFurther(t *testing.T) {
	var got []string
	whole := strings.NewReader("data: 1\n\ndata: 2")
	events.Read(io.MultiReader(whole, iotest.ErrReader(syscall.ECONNRESET)), func(data []byte) bool {
		got = append(got, string(data))
		return true
	})
	if d := cmp.Diff([]string{"1", "2"}, got); d != "" {
		t.Error(d)
	}
}
