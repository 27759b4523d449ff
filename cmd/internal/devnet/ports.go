package devnet

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/services"
	"github.com/reevenet/reeve/services/networkbridge"
)

// Ports numbers the listeners of a network's nodes. Base is the first node's HTTP port, every other listener is as far
// from it as its default is from the default of that one, and node i adds 10·i.
type Ports struct{ Base int }

// DefaultPorts are those of a first network: 9650 for clients, 9651 for nodes, 9464 for monitoring.
var DefaultPorts = Ports{Base: 9650}

// Listeners are the addresses of node i, by setting.
func (p Ports) Listeners(i int) map[string]any {
	list := map[string]any{}
	for _, s := range services.Parts().Schema().Settings() {
		if s.Listens {
			list[s.Key] = net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Base+defaultPort(s)-DefaultPorts.Base+10*i))
		}
	}
	return list
}

func defaultPort(s config.Setting) int {
	_, text, err := net.SplitHostPort(fmt.Sprint(s.Default))
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return port
}

// Multiaddr is the address for other nodes of node i, as the genesis holds it.
func (p Ports) Multiaddr(i int) string {
	at, err := netip.ParseAddrPort(fmt.Sprint(p.Listeners(i)[networkbridge.ListenSetting]))
	if err != nil {
		return ""
	}
	return fmt.Sprintf("/ip4/%s/tcp/%d", at.Addr(), at.Port())
}

// Free returns ports of which none is taken for n nodes. It looks at random places, so that several networks that start
// at once don't meet.
func Free(n int) (Ports, error) {
	for range 100 {
		p := Ports{Base: 10_000 + 10*rand.IntN(2000)}
		if p.firstTaken(n) == "" {
			return p, nil
		}
	}
	return Ports{}, errcode.New(errcode.PortTaken, "Choose free ports with --port-base.", nil,
		"found no free ports for %d nodes", n)
}

// Check makes sure that there are such ports, and that nobody else listens on those of n nodes.
func (p Ports) Check(n int) error {
	for _, i := range []int{0, max(0, n-1)} {
		for _, address := range p.Listeners(i) {
			if _, err := netip.ParseAddrPort(fmt.Sprint(address)); err != nil {
				return errcode.New(errcode.BadUsage, "Choose a lower or higher one: node i adds 10·i.", nil,
					"with --port-base %d node v%d would listen at %v, and no port has that number", p.Base, i+1, address)
			}
		}
	}
	if taken := p.firstTaken(n); taken != "" {
		return errcode.CannotListen(taken, syscall.EADDRINUSE)
	}
	return nil
}

func (p Ports) firstTaken(n int) string {
	for i := range n {
		for _, address := range p.Listeners(i) {
			if at := fmt.Sprint(address); taken(at) {
				return at
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
