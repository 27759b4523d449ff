package httpdoor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// street is a listener that clients of any address reach, in the test's own time.
type street struct {
	calls chan net.Conn
	done  chan struct{}
}

func newStreet() *street { return &street{make(chan net.Conn), make(chan struct{})} }

func (s *street) Accept() (net.Conn, error) {
	select {
	case c := <-s.calls:
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}
func (s *street) Close() error   { close(s.done); return nil }
func (s *street) Addr() net.Addr { return &net.TCPAddr{} }

// from is a connection whose other side has an address.
type from struct {
	net.Conn
	ip string
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(f.ip), Port: 1} }

// caller is one client's connection.
type caller struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func (s *street) call(t *testing.T, ip string) *caller {
	here, there := net.Pipe()
	s.calls <- from{there, ip}
	synctest.Wait()
	return newCaller(t, here)
}

func newCaller(t *testing.T, c net.Conn) *caller { return &caller{t, c, bufio.NewReader(c)} }

// get asks and returns the status of the answer; 0: the connection has ended.
func (c *caller) get(path string) int {
	c.SetDeadline(time.Now().Add(time.Hour))
	go fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0
	}
	if r.ContentLength >= 0 {
		io.Copy(io.Discard, r.Body)
	}
	if r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") == "" {
		c.t.Error("it isn't said when to try again")
	}
	synctest.Wait()
	return r.StatusCode
}

func (c *caller) ended() bool {
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := io.Copy(io.Discard, c.in)
	return err == nil || errors.Is(err, io.ErrClosedPipe)
}

// open opens a door in the test's own time. /hold is a counted request that lasts until it is ended; all else is
// answered at once.
func open(t *testing.T, p Places, other http.HandlerFunc, story func(s *street)) {
	synctest.Test(t, func(*testing.T) {
		hold := Counted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		mux := http.NewServeMux()
		mux.Handle("/hold", hold)
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			if other != nil {
				other(w, r)
			}
		})
		s, d := newStreet(), New(mux, p, slog.New(slog.DiscardHandler))
		served := make(chan error, 1)
		go func() { served <- d.Serve(s) }()
		story(s)
		d.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		synctest.Wait()
		if p := d.places; p.open != 0 || p.under != 0 || p.silent.Len() != 0 || len(p.byAddress) != 0 {
			t.Errorf("places that nobody has are taken: %+v", p)
		}
	})
}

func TestTheLongestSilentConnectionMakesRoomForANewOne(t *testing.T) {
	open(t, Places{Connections: 3}, nil, func(s *street) {
		first, second, third := s.call(t, "192.0.2.1"), s.call(t, "192.0.2.2"), s.call(t, "192.0.2.3")
		if first.get("/") != 200 || third.get("/") != 200 {
			t.Fatal("the first ones aren't served")
		}
		if fourth := s.call(t, "192.0.2.4"); fourth.get("/") != 200 {
			t.Error("the door is full of connections that say nothing")
		}
		if !second.ended() || first.get("/") != 200 || third.get("/") != 200 {
			t.Error("another one than that which had been silent for longest was ended")
		}
	})
}

func TestAnAddressFillsItsOwnShare(t *testing.T) {
	open(t, Places{Connections: 100, OfAddress: 3}, nil, func(s *street) {
		honest := s.call(t, "192.0.2.1")
		honest.get("/")
		var held []*caller
		for range 10 {
			held = append(held, s.call(t, "198.51.100.7"))
		}
		for i, c := range held {
			if gone := c.ended(); gone != (i < 7) {
				t.Errorf("connection %d of one address: ended %v", i, gone)
			}
		}
		if honest.get("/") != 200 {
			t.Error("somebody else's connection was taken for one address's")
		}
	})
}

func TestANetworkOfOneCustomerIsOneAddress(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
	} {
		if got := addressOf(&net.TCPAddr{IP: net.ParseIP(ip)}); got != want {
			t.Errorf("%s counts as %s", ip, got)
		}
	}
	if got := addressOf(&net.UnixAddr{Name: "@"}); got != "" {
		t.Errorf("a unix socket counts as %s", got)
	}
}

func TestWhoHasUsedUpItsRequestsIsToldSoAndStillHearsHowTheNodeIs(t *testing.T) {
	open(t, Places{Connections: 100, OfAddress: 6, Requests: 50, RequestsOfAddress: 4}, nil, func(s *street) {
		for range 4 {
			if got := s.call(t, "198.51.100.7").get("/hold"); got != 200 {
				t.Fatalf("within its share: %d", got)
			}
		}
		for range 10 {
			if got := s.call(t, "198.51.100.7").get("/hold"); got != 503 {
				t.Errorf("above its share: %d", got)
			}
		}
		if got := s.call(t, "198.51.100.7").get("/health"); got != 200 {
			t.Errorf("health at the one that holds everything: %d", got)
		}
		if got := s.call(t, "192.0.2.1").get("/hold"); got != 200 {
			t.Errorf("somebody else: %d", got)
		}
	})
}

func TestWhoFindsNoPlaceAtAllIsToldSo(t *testing.T) {
	open(t, Places{Connections: 2}, nil, func(s *street) {
		first := s.call(t, "192.0.2.1")
		first.get("/hold")
		s.call(t, "192.0.2.1").get("/hold")
		if got := s.call(t, "192.0.2.2").get("/health"); got != 503 {
			t.Errorf("no place: %d", got)
		}
		first.Close()
		synctest.Wait()
		if got := s.call(t, "192.0.2.2").get("/health"); got != 200 {
			t.Errorf("a place is free again: %d", got)
		}
	})
}

// flood writes until it can't, and notes when that was.
func flood(ended *atomic.Int64) http.HandlerFunc {
	began := time.Now()
	return func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 3*piece)); err != nil {
				break
			}
		}
		ended.Store(int64(time.Since(began)))
	}
}

func TestAListenerWhoReadsNothingIsEnded(t *testing.T) {
	var ended atomic.Int64
	open(t, Places{}, func(w http.ResponseWriter, r *http.Request) { flood(&ended)(w, r) }, func(s *street) {
		c := s.call(t, "192.0.2.1")
		fmt.Fprint(c, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		time.Sleep(WriteTimeout + time.Second)
		synctest.Wait()
		if got := time.Duration(ended.Load()); got != WriteTimeout {
			t.Errorf("it was ended after %v", got)
		}
	})
}

func TestAListenerWhoReadsALittleNowAndThenIsKept(t *testing.T) {
	var ended atomic.Int64
	open(t, Places{}, func(w http.ResponseWriter, r *http.Request) { flood(&ended)(w, r) }, func(s *street) {
		c := s.call(t, "192.0.2.1")
		fmt.Fprint(c, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		for range 20 {
			time.Sleep(WriteTimeout / 2)
			if _, err := io.CopyN(io.Discard, c, piece); err != nil {
				t.Fatal(err)
			}
		}
		if ended.Load() != 0 {
			t.Error("it was ended while it read")
		}
	})
}

func TestAStreamLastsLongerThanItsRequestMayTakeToCome(t *testing.T) {
	for _, request := range []string{
		"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
	} {
		var cancelled atomic.Bool
		open(t, Places{}, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			http.NewResponseController(w).Flush()
			select {
			case <-time.After(2 * BodyTimeout):
			case <-r.Context().Done():
				cancelled.Store(true)
			}
		}, func(s *street) {
			c := s.call(t, "192.0.2.1")
			fmt.Fprint(c, request)
			r, err := http.ReadResponse(c.in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil || cancelled.Load() {
				t.Errorf("%.4s: cancelled %v, %v", request, cancelled.Load(), err)
			}
		})
	}
}

func TestARequestThatComesDropByDropIsEnded(t *testing.T) {
	for name, c := range map[string]struct {
		begin string
		limit time.Duration
	}{
		"header": {"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", HeaderTimeout},
		"body":   {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", BodyTimeout},
	} {
		open(t, Places{}, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) },
			func(s *street) {
				client, began := s.call(t, "192.0.2.1"), time.Now()
				go io.Copy(io.Discard, client.in)
				fmt.Fprint(client, c.begin)
				for time.Since(began) < 2*c.limit {
					time.Sleep(time.Second)
					if _, err := fmt.Fprint(client, "x"); err != nil {
						break
					}
				}
				if took := time.Since(began); took > c.limit+2*time.Second {
					t.Errorf("a %s was waited for for %v", name, took)
				}
			})
	}
}

// passing is a listener whose first calls fail for a reason that passes.
type passing struct {
	net.Listener
	faults atomic.Int32
}

func (p *passing) Accept() (net.Conn, error) {
	if p.faults.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: temporary{}}
	}
	return p.Listener.Accept()
}

type temporary struct{}

func (temporary) Error() string   { return "too many open files" }
func (temporary) Temporary() bool { return true }
func (temporary) Timeout() bool   { return false }

func TestADoorStaysOpenWhenACallCanNotBeTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &passing{Listener: l}
	p.faults.Store(3)
	d := New(http.NotFoundHandler(), Places{}, slog.New(slog.DiscardHandler))
	go d.Serve(p)
	t.Cleanup(func() { d.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+l.Addr().String(), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}

func TestAConnectionWithoutRequestsIsEnded(t *testing.T) {
	open(t, Places{}, nil, func(s *street) {
		c := s.call(t, "192.0.2.1")
		if c.get("/") != 200 {
			t.Fatal("it isn't served")
		}
		time.Sleep(IdleTimeout + time.Second)
		if !c.ended() {
			t.Error("it is still there")
		}
	})
}

func TestTheOldestStreamMakesRoomWhenItsTermIsOver(t *testing.T) {
	p := Places{Connections: 100, OfAddress: 20, Requests: 50, RequestsOfAddress: 10, Streams: 6, StreamsOfAddress: 3}
	open(t, p, func(w http.ResponseWriter, r *http.Request) {
		if !Stream(r.Context()) {
			w.Header().Set("Retry-After", "10")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, func(s *street) {
		stream := func(ip string) (*caller, int) { c := s.call(t, ip); return c, c.get("/events") }
		var first *caller
		for i := range 3 {
			c, got := stream("198.51.100.7")
			if got != 200 {
				t.Fatalf("stream %d: %d", i, got)
			}
			if i == 0 {
				first = c
			}
			time.Sleep(time.Second)
		}
		if _, got := stream("198.51.100.7"); got != 503 {
			t.Errorf("above the share of its address, and nobody's term is over: %d", got)
		}
		time.Sleep(term)
		if _, got := stream("198.51.100.7"); got != 200 || !first.ended() {
			t.Errorf("the oldest one's term is over: %d", got)
		}
		for i := range 3 {
			if _, got := stream(fmt.Sprintf("192.0.2.%d", i)); got != 200 {
				t.Errorf("somebody else: %d", got)
			}
		}
		time.Sleep(term)
		if _, got := stream("192.0.2.9"); got != 200 {
			t.Errorf("with all places taken, those of one address half of them: %d", got)
		}
	})
}
