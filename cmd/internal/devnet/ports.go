package devnet

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"

	"github.com/reevenet/reeve/internal/process/errcode"
)

// Ports numbers the doors of a network's nodes: the base is the first node's HTTP port, and node i adds 10·i.
type Ports struct{ Base int }

// DefaultPorts are those of a first network: 9650 for clients, 9651 for nodes, 9464 for monitoring.
var DefaultPorts = Ports{Base: 9650}

// metricsOffset keeps the distance between the conventional ports 9650 and 9464.
const metricsOffset = 9464 - 9650

func (p Ports) address(port, node int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port+10*node))
}

// HTTP is the address for clients of node i.
func (p Ports) HTTP(i int) string { return p.address(p.Base, i) }

// P2P is the address for other nodes of node i.
func (p Ports) P2P(i int) string { return p.address(p.Base+1, i) }

// Metrics is the address for monitoring of node i.
func (p Ports) Metrics(i int) string { return p.address(p.Base+metricsOffset, i) }

// Multiaddr is the address for other nodes of node i, as the genesis holds it.
func (p Ports) Multiaddr(i int) string {
	return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", p.Base+1+10*i)
}

// Free returns ports of which none is taken for n nodes. It looks at random places, so that several networks that start at
// once don't meet.
func Free(n int) (Ports, error) {
	for range 100 {
		p := Ports{Base: 10_000 + 10*rand.IntN(2000)}
		if p.firstTaken(n) == "" {
			return p, nil
		}
	}
	return Ports{}, errcode.New(errcode.PortTaken, "Choose free ports with --port-base.", nil, "found no %d free ports", 3*n)
}

// Check makes sure that nobody else listens on the ports of n nodes.
func (p Ports) Check(n int) error {
	if taken := p.firstTaken(n); taken != "" {
		return errcode.CannotListen(taken, syscall.EADDRINUSE)
	}
	return nil
}

func (p Ports) firstTaken(n int) string {
	for i := range n {
		for _, address := range []string{p.HTTP(i), p.P2P(i), p.Metrics(i)} {
			if taken(address) {
				return address
			}
		}
	}
	return ""
}

func taken(address string) bool {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return true
	}
	l.Close()
	return false
}
