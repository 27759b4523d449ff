package p2p_test

import (
	"crypto/ed25519"
	"testing"

	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/p2p"
	"github.com/reevenet/reeve/services/networkbridge/transporttest"
)

func keyOf(i int) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = byte(i)
	return ed25519.NewKeyFromSeed(seed)
}

func node(t testing.TB, i int, listen ...string) *p2p.Network {
	t.Helper()
	n, err := p2p.New(p2p.Config{Key: keyOf(i), Listen: listen})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

const (
	overTCP  = "/ip4/127.0.0.1/tcp/0"
	overQUIC = "/ip4/127.0.0.1/udp/0/quic-v1"
)

func TestContract(t *testing.T) {
	for name, listen := range map[string]string{"tcp": overTCP, "quic": overQUIC} {
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, func(*testing.T) transporttest.Setup {
				return transporttest.Setup{Node: func(t *testing.T, i int) nb.Transport { return node(t, i, listen) }}
			})
		})
	}
}
