package primitives

import (
	"bytes"
	"encoding/base32"
	"fmt"
	"strings"
)

// NodeID names a node: the ed25519 public key of its network identity. A peer proves it in the TLS handshake, so a
// NodeID that reaches a subsystem is authenticated. It is not the key that signs blocks and statements; that one is the
// keystore's.
type NodeID [HashSize]byte

const nodePrefix = "NodeID-"

// Crockford's alphabet in lower case: no letters that read like digits.
var nodeEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NodeIDFrom copies b, which must be 32 bytes long.
func NodeIDFrom(b []byte) (NodeID, error) {
	var id NodeID
	if len(b) != len(id) {
		return id, fmt.Errorf("a node id has %d bytes, this one has %d", len(id), len(b))
	}
	copy(id[:], b)
	return id, nil
}

// IsZero tells whether id names no node.
func (id NodeID) IsZero() bool { return id == NodeID{} }

// Compare orders node ids bytewise.
func (id NodeID) Compare(o NodeID) int { return bytes.Compare(id[:], o[:]) }

// String is the form that logs, JSON and command lines use: NodeID- and 52 characters.
func (id NodeID) String() string { return nodePrefix + nodeEncoding.EncodeToString(id[:]) }

// Short is enough of it for a table.
func (id NodeID) Short() string { return id.String()[:len(nodePrefix)+8] }

// MarshalText makes a node id a readable JSON string and map key.
func (id NodeID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *NodeID) UnmarshalText(text []byte) error {
	rest, ok := strings.CutPrefix(string(text), nodePrefix)
	if !ok {
		return fmt.Errorf("a node id begins with %s: %q", nodePrefix, text)
	}
	b, err := nodeEncoding.DecodeString(rest)
	if err != nil {
		return fmt.Errorf("node id %q: %w", text, err)
	}
	*id, err = NodeIDFrom(b)
	return err
}
