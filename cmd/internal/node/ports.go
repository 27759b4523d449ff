package node

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services"
	"github.com/reevenet/reeve/services/keystore"
	"github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/p2p"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/pebbledb"
	"github.com/reevenet/reeve/vmhost/process"
)

// keystore gives the keystore its key and its log.
func (n *Node) keystore() (subsystem.Spec, error) {
	s := datadir.Signer(n.Home)
	return keystore.Spec(keystore.Config{Disk: s.Disk, KeyFile: s.KeyFile, Dir: s.Dir}), nil
}

// vmHost gives the VM's host its database, its plugin and its socket.
func (n *Node) vmHost() (subsystem.Spec, error) {
	chain := n.Chain()
	checksum, err := hex.DecodeString(n.Config.VM.SHA256)
	if err != nil {
		return subsystem.Spec{}, fmt.Errorf("vm.sha256: %w", err)
	}
	dir := n.Config.VM.PluginDir
	if dir == "" {
		if dir, err = datadir.PluginDir(); err != nil {
			return subsystem.Spec{}, err
		}
	}
	return vmhost.Spec(vmhost.Config{
		NetworkID: n.number(), Chain: chain.Name, ChainID: chain.ID, NodeID: n.ID, Genesis: chain.Genesis, LogLevel: int32(n.level()),
		OpenDB: func() (database.Database, error) {
			return pebbledb.Open(filepath.Join(n.Home.Data("vm"), chain.Name), n.Log)
		},
		Launcher:   process.Launcher{Path: filepath.Join(dir, chain.VM), Checksum: checksum, RunDir: n.Home.SocketDir()},
		HTTPSocket: n.ChainSocket(chain.Name),
	}), nil
}

// number is the network's number for VMs, which know networks by number: the first bytes of the genesis hash.
func (n *Node) number() uint32 {
	h := n.Genesis.Hash()
	return binary.BigEndian.Uint32(h[:4])
}

func (n *Node) level() slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(n.Config.Log.Level)); err != nil {
		return slog.LevelInfo
	}
	return l
}

// networkBridge gives the bridge its identity, its listeners and the addresses that it begins with.
func (n *Node) networkBridge() (subsystem.Spec, error) {
	identity, err := n.identity()
	if err != nil {
		return subsystem.Spec{}, err
	}
	listen, err := n.listenAddresses()
	if err != nil {
		return subsystem.Spec{}, err
	}
	transport, err := p2p.New(p2p.Config{Key: identity.Expose(), Listen: listen, Log: n.Log})
	if err != nil {
		return subsystem.Spec{}, errcode.CannotListen(n.Config.P2P.Listen, err)
	}
	cfg := networkbridge.Config{
		Transport: transport, NetworkID: n.Genesis.Hash(), Agent: "reeve/" + n.Version, Protocols: services.Protocols, Validators: map[primitives.NodeID]uint64{},
	}
	if cfg.Peers, err = n.peers(); err != nil {
		return subsystem.Spec{}, err
	}
	for _, v := range n.Genesis.Validators {
		cfg.Validators[v.NodeID] = v.Stake
	}
	return networkbridge.Spec(cfg), nil
}

// listenAddresses turns host and port into multiaddrs.
func (n *Node) listenAddresses() ([]string, error) {
	host, port, err := net.SplitHostPort(n.Config.P2P.Listen)
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
	if n.Config.P2P.QUIC {
		list = append(list, fmt.Sprintf("/%s/%s/udp/%s/quic-v1", family, ip, port))
	}
	return list, nil
}

// peers are the validators of the genesis that have an address, and those of the settings.
func (n *Node) peers() ([]networkbridge.Address, error) {
	var list []networkbridge.Address
	for _, v := range n.Genesis.Validators {
		if v.Address != "" && v.NodeID != n.ID {
			list = append(list, networkbridge.Address{Node: v.NodeID, At: []string{v.Address}})
		}
	}
	for _, text := range n.Config.P2P.Peers {
		at, id, ok := strings.Cut(text, "/p2p/")
		var node primitives.NodeID
		if err := node.UnmarshalText([]byte(id)); !ok || err != nil {
			return nil, fmt.Errorf("p2p.peers: %q should be an address such as /ip4/10.0.0.1/tcp/9651/p2p/NodeID-…", text)
		}
		list = append(list, networkbridge.Address{Node: node, At: []string{at}})
	}
	return list, nil
}
