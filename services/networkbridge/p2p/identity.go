package p2p

import (
	"crypto/ed25519"
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// A libp2p peer id of an ed25519 key holds the key itself, so it and a NodeID are two spellings of the same 32 bytes.
// Other kinds of key are refused: some of them are slow to verify, which a stranger could use.

func nodeOfKey(key ed25519.PrivateKey) primitives.NodeID {
	return primitives.NodeID(key.Public().(ed25519.PublicKey))
}

func nodeOfPublic(key crypto.PubKey) (primitives.NodeID, error) {
	if key.Type() != crypto.Ed25519 {
		return primitives.NodeID{}, fmt.Errorf("the peer's key is %s, a node's is Ed25519", key.Type())
	}
	raw, err := key.Raw()
	if err != nil {
		return primitives.NodeID{}, err
	}
	return primitives.NodeIDFrom(raw)
}

// PeerID spells a node id as libp2p does, 12D3Koo….
func PeerID(id primitives.NodeID) (peer.ID, error) {
	key, err := crypto.UnmarshalEd25519PublicKey(id[:])
	if err != nil {
		return "", err
	}
	return peer.IDFromPublicKey(key)
}

// NodeID is the inverse of PeerID. A peer id of another kind of key is an error.
func NodeID(id peer.ID) (primitives.NodeID, error) {
	key, err := id.ExtractPublicKey()
	if err != nil {
		return primitives.NodeID{}, fmt.Errorf("the peer's id doesn't hold its key: %w", err)
	}
	return nodeOfPublic(key)
}
