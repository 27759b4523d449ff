package p2p

import (
	"fmt"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"
)

func TestStrangersTakeHalfOfThePeersFileDescriptors(t *testing.T) {
	r, err := newResources(256, 20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	open := func(n int, direction network.Direction) error {
		_, err := r.OpenConnection(direction, true, ma.StringCast(fmt.Sprintf("/ip4/192.0.%d.1/tcp/1", n)))
		return err
	}
	for n := range 10 {
		if err := open(n, network.DirInbound); err != nil {
			t.Fatalf("connection %d: %v", n, err)
		}
	}
	if open(10, network.DirInbound) == nil {
		t.Error("who hasn't shown its key takes more than half of the descriptors")
	}
}
