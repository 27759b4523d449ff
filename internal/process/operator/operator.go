// Package operator tells those who run a node from programs that merely run as the same user, such as a VM plugin: the
// kernel lets both of them connect to the node's unix sockets. Whoever asks there for more than figures shows a key,
// which lies in a file beside the socket. Who may read the node's files has it without being asked, and a plugin, which
// may not, never. The package serves nothing and opens no socket.
package operator

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"

	"github.com/reevenet/reeve/internal/store/disk"
)

const (
	header = "Authorization"
	scheme = "Bearer "
	// maxKey bounds the file, in bytes.
	maxKey = 128
)

// Key opens the doors of one socket.
type Key string

// MakeKey makes the key of a socket, which nobody else may serve any more: that of a predecessor opens nothing.
func MakeKey(socket string) (Key, error) {
	key := rand.Text()
	return Key(key), disk.Replace(disk.OS{}, file(socket), []byte(key), 0o600)
}

// file is where a socket's key lies.
func file(socket string) string { return strings.TrimSuffix(socket, ".sock") + ".key" }

// Guard passes on to next the requests of those who have the key, and refuses the others.
func (k Key) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := strings.TrimPrefix(r.Header.Get(header), scheme)
		if subtle.ConstantTimeCompare([]byte(shown), []byte(k)) == 1 {
			next.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":"this is for those who run the node"}`) //nolint:errcheck // the client is gone
	})
}

// Client asks at a socket, whatever host an URL names, and shows the socket's key.
func Client(socket string) *http.Client {
	var d net.Dialer
	return &http.Client{Transport: &shows{socket: socket, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", socket)
		},
	}}}
}

// shows sends requests with the key as it is then: a process that is started again has another one.
type shows struct {
	*http.Transport
	socket string
}

// RoundTrip asks without a key where there is none: who serves there either wants none, or says so.
func (s *shows) RoundTrip(r *http.Request) (*http.Response, error) {
	path := file(s.socket)
	key, err := disk.ReadFile(disk.OS{}, path, maxKey)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the key %s can't be read; run this as the user that the node runs as: %w", path, err)
	}
	r = r.Clone(r.Context())
	r.Header.Set(header, scheme+string(key))
	answer, err := s.Transport.RoundTrip(r)
	if err == nil && answer.StatusCode == http.StatusUnauthorized {
		answer.Body.Close()
		return nil, fmt.Errorf("the key %s isn't that of the process which answers; is it just being started again?", path)
	}
	return answer, err
}
