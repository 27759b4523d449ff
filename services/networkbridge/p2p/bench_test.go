package p2p_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/p2p"
)

// BenchmarkRoundTrip is one frame there and back, on an open link, one at a time. BenchmarkPlainTLS beside it is the
// same over crypto/tls alone: what the layers in between cost.
func BenchmarkRoundTrip(b *testing.B) {
	for name, listen := range map[string]string{"tcp": overTCP, "quic": overQUIC} {
		for _, size := range []int{32, 1 << 10, 16 << 10, 1 << 20} {
			b.Run(name+"/"+sizeName(size), func(b *testing.B) {
				there, back := pingPong(b, listen)
				frame := make([]byte, size)
				b.SetBytes(int64(2 * size))
				b.ReportAllocs()
				for b.Loop() {
					there(frame)
					<-back
				}
			})
		}
	}
}

// BenchmarkThroughput is one way, many frames under way.
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{32, 1 << 10, 64 << 10} {
		b.Run(sizeName(size), func(b *testing.B) {
			x, y, arrived := linkedPair(b, overTCP)
			frame := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			const under = 64
			for i := range b.N {
				if i >= under {
					<-arrived
				}
				x.Send(y.Self(), nb.LaneBulk, frame)
			}
		})
	}
}

func sizeName(n int) string {
	if n >= 1<<10 {
		return map[int]string{1 << 10: "1KiB", 16 << 10: "16KiB", 64 << 10: "64KiB", 1 << 20: "1MiB"}[n]
	}
	return "32B"
}

// linkedPair makes two linked nodes; what reaches the second is told on the channel.
func linkedPair(b *testing.B, listen string) (x, y *p2p.Network, arrived chan struct{}) {
	x, y = node(b, 1, listen), node(b, 2, listen)
	arrived = make(chan struct{}, 1<<16)
	ups := make(chan struct{}, 2)
	start(b, x, func(nb.Event) { ups <- struct{}{} })
	start(b, y, func(e nb.Event) {
		if e.Kind == nb.Frame {
			y.Consumed(e.Peer, e.Lane, len(e.Bytes))
			arrived <- struct{}{}
			return
		}
		ups <- struct{}{}
	})
	x.Connect(nb.Address{Node: y.Self(), At: y.Addresses()})
	<-ups
	<-ups
	return x, y, arrived
}

func start(b *testing.B, n *p2p.Network, f func(nb.Event)) {
	b.Helper()
	if err := n.Start(f); err != nil {
		b.Fatal(err)
	}
}

// pingPong links two nodes of which the second sends everything back.
func pingPong(b *testing.B, listen string) (there func([]byte), back chan struct{}) {
	x, y := node(b, 1, listen), node(b, 2, listen)
	back, echo, ups := make(chan struct{}), make(chan []byte, 1), make(chan primitives.NodeID, 2)
	start(b, x, func(e nb.Event) {
		if e.Kind == nb.Frame {
			x.Consumed(e.Peer, e.Lane, len(e.Bytes))
			back <- struct{}{}
			return
		}
		ups <- e.Peer
	})
	start(b, y, func(e nb.Event) {
		if e.Kind == nb.Frame {
			echo <- e.Bytes
			return
		}
		ups <- e.Peer
	})
	go func() {
		for frame := range echo {
			y.Consumed(x.Self(), nb.LaneConsensus, len(frame))
			y.Send(x.Self(), nb.LaneConsensus, frame)
		}
	}()
	b.Cleanup(func() { close(echo) })
	x.Connect(nb.Address{Node: y.Self(), At: y.Addresses()})
	<-ups
	<-ups
	return func(frame []byte) { x.Send(y.Self(), nb.LaneConsensus, frame) }, back
}

func BenchmarkPlainTLS(b *testing.B) {
	for _, size := range []int{32, 1 << 10, 16 << 10, 1 << 20} {
		b.Run(sizeName(size), func(b *testing.B) {
			c := tlsEcho(b, size)
			buf := make([]byte, size)
			b.SetBytes(int64(2 * size))
			for b.Loop() {
				if _, err := c.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func tlsEcho(b *testing.B, size int) net.Conn {
	cert := certificate(b)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		buf := make([]byte, size)
		for {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			if _, err := c.Write(buf); err != nil {
				return
			}
		}
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

func certificate(b *testing.B) tls.Certificate {
	key := keyOf(9)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
