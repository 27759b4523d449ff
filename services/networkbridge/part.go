package networkbridge

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
)

// Open makes a transport that listens at multiaddrs and proves the identity to others.
type Open func(identity ed25519.PrivateKey, listen []string, log *slog.Logger) (Transport, error)

// section is the name of the bridge's settings.
const section = "p2p"

// ListenSetting is the setting that says where other nodes reach this one.
const ListenSetting = section + ".listen"

// settings are the bridge's.
type settings struct {
	Listen string   `koanf:"listen"`
	Peers  []string `koanf:"peers"` // multiaddrs with the node's identity, beside the addresses of the genesis
	QUIC   bool     `koanf:"quic"`

	PrivateNetworks bool `koanf:"private-networks"`
}

// Part is the bridge as a node runs it: with the node's identity, its listeners, and the addresses that it begins with.
// It carries the protocols of the other parts.
func Part(open Open, protocols []part.Protocol) part.Part {
	return part.Part{
		Spec: Spec(Config{Protocols: Carried(protocols)}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			cfg, err := configure(n, open)
			cfg.Protocols = Carried(spoken(n.Genesis, protocols))
			return Spec(cfg), err
		},
		Settings: config.Section{Name: section, Settings: []config.Setting{
			{Key: "listen", Default: "127.0.0.1:9651", Usage: "address for other nodes", Listens: true},
			{Key: "peers", Default: []string{}, Usage: "more peers to dial, as multiaddrs that end in /p2p/<id>"},
			{Key: "quic", Default: false, Usage: "also speak QUIC, on the same port number"},
			{Key: "private-networks", Default: false, Usage: "learn of nodes at private addresses, and tell peers of them"},
		}},
		Secrets: datadir.CopyIdentity,
		Owns:    "peers, reputations, limits: every byte of a stranger enters here",
	}
}

// spoken are the protocols of the subsystems that run on a network's nodes.
func spoken(g *genesis.Genesis, protocols []part.Protocol) []part.Protocol {
	if _, host := g.RelayChain(); host {
		return protocols
	}
	return slices.DeleteFunc(slices.Clone(protocols), func(p part.Protocol) bool { return p.Host })
}

// lanes says which of the transport's lanes has the same use as one of the bus.
var lanes = map[optionsv1.Lane]Lane{
	optionsv1.Lane_LANE_CONSENSUS: LaneConsensus,
	optionsv1.Lane_LANE_BACKING:   LaneBacking,
	optionsv1.Lane_LANE_GOSSIP:    LaneGossip,
	optionsv1.Lane_LANE_BULK:      LaneBulk,
}

// Carried is what the bridge must know of the parts' protocols. A lane that doesn't exist between nodes is refused when
// the bridge starts.
func Carried(protocols []part.Protocol) []Protocol {
	carried := make([]Protocol, len(protocols))
	for i, p := range protocols {
		lane, known := lanes[p.Lane]
		if !known {
			lane = Lanes
		}
		carried[i] = Protocol{
			Name: p.Name, Subsystem: p.Subsystem, Event: p.Event, Family: p.Family, Lane: lane, PerChain: p.PerChain,
			NoViews:    p.NoViews,
			MaxPayload: p.MaxPayload, OpenRequests: p.OpenRequests, RequestTimeout: p.RequestTimeout,
		}
	}
	return carried
}

func configure(n part.Node, open Open) (Config, error) {
	var s settings
	if err := n.Config.Section(section, &s); err != nil {
		return Config{}, err
	}
	identity, err := keys.Load(disk.OS{}, filepath.Join(n.Home.Keys(), datadir.IdentityFile), keys.Identity)
	if err != nil {
		return Config{}, err
	}
	listen, err := s.multiaddrs()
	if err != nil {
		return Config{}, err
	}
	cfg := Config{NetworkID: n.Genesis.Hash(), Agent: "reeve/" + n.Version, Validators: map[primitives.NodeID]uint64{},
		PrivateNetworks: s.PrivateNetworks}
	if cfg.Peers, err = s.peers(n); err != nil {
		return Config{}, err
	}
	for _, c := range n.Genesis.Chains {
		cfg.Chains = append(cfg.Chains, c.Name)
	}
	for _, v := range n.Genesis.Validators {
		cfg.Validators[v.NodeID] = v.Stake
	}
	if cfg.Transport, err = open(identity.Expose(), listen, n.Log); err != nil {
		return Config{}, errcode.CannotListen(s.Listen, err)
	}
	return cfg, nil
}

// multiaddrs turns host and port into multiaddrs.
func (s *settings) multiaddrs() ([]string, error) {
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return nil, err
	}
	ip := net.ParseIP(host)
	if host == "" {
		ip = net.IPv4zero
	}
	if ip == nil {
		return nil, fmt.Errorf("p2p.listen: %q isn't an IP address", host)
	}
	family := "ip6"
	if ip.To4() != nil {
		family = "ip4"
	}
	list := []string{fmt.Sprintf("/%s/%s/tcp/%s", family, ip, port)}
	if s.QUIC {
		list = append(list, fmt.Sprintf("/%s/%s/udp/%s/quic-v1", family, ip, port))
	}
	return list, nil
}

// peers are the validators of the genesis that have an address, and those of the settings.
func (s *settings) peers(n part.Node) ([]Address, error) {
	var list []Address
	for _, v := range n.Genesis.Validators {
		if v.Address != "" && v.NodeID != n.ID {
			list = append(list, Address{Node: v.NodeID, At: []string{v.Address}})
		}
	}
	for _, text := range s.Peers {
		at, id, ok := strings.Cut(text, "/p2p/")
		var node primitives.NodeID
		if err := node.UnmarshalText([]byte(id)); !ok || err != nil {
			return nil, fmt.Errorf("p2p.peers: %q should be an address such as /ip4/10.0.0.1/tcp/9651/p2p/NodeID-…",
				text)
		}
		list = append(list, Address{Node: node, At: []string{at}})
	}
	return list, nil
}
