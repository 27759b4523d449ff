package httpdoor

import (
	"io"
	"net/http"
	"time"
)

// body bounds how long the body of a request may take to come, and nothing else: an answer that takes longer, such as a
// stream of events, is nobody's fault.
type body struct {
	io.ReadCloser
	out *http.ResponseController
}

func timed(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	b := &body{ReadCloser: r.Body, out: http.NewResponseController(w)}
	b.within(time.Now().Add(BodyTimeout))
	r.Body = b
}

func (b *body) within(deadline time.Time) {
	b.out.SetReadDeadline(deadline) //nolint:errcheck // a connection without deadlines came through no door
}

// Read takes the deadline away when all is there: what is read then is only whether the client has gone.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.within(time.Time{})
	}
	return n, err
}
