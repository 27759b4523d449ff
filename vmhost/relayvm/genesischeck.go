package relayvm

import (
	"encoding/hex"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
)

// HexBytes is bytes that people read and write in hexadecimal.
type HexBytes []byte

// MarshalText makes it a JSON string.
func (h HexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *HexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

// maxValidators bounds a session's set: a bit of each is in every row of votes.
const maxValidators = 1024

// Check says what is wrong in a genesis.
func (g *Genesis) Check() error {
	if err := g.Configuration.Check(); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if err := checkValidators(g.Validators); err != nil {
		return err
	}
	codes := map[primitives.Hash]bool{}
	for _, code := range g.codes() {
		if len(code) > int(g.Configuration.MaxCodeSize) {
			return fmt.Errorf("a code has %d bytes; maxCodeSize is %d", len(code), g.Configuration.MaxCodeSize)
		}
		codes[primitives.HashOf(code)] = true
	}
	seen := map[uint32]bool{}
	for _, p := range g.Paras {
		if seen[p.ID] {
			return fmt.Errorf("para %d is there twice", p.ID)
		}
		seen[p.ID] = true
		if err := g.checkPara(p, codes); err != nil {
			return fmt.Errorf("para %d: %w", p.ID, err)
		}
	}
	if n := len(g.Paras) + int(g.Configuration.ThreadCores); n > scheduler.MaxCores {
		return fmt.Errorf("%d paras and thread cores; there may be %d cores", n, scheduler.MaxCores)
	}
	return nil
}

func (g *Genesis) checkPara(p GenesisPara, codes map[primitives.Hash]bool) error {
	switch {
	case p.kind() != Parachain && p.kind() != Parathread:
		return fmt.Errorf("kind %q isn't known: there are %q and %q", p.Kind, Parachain, Parathread)
	case len(p.Head) > int(g.Configuration.MaxHeadDataSize):
		return fmt.Errorf("the head has %d bytes; maxHeadDataSize is %d", len(p.Head), g.Configuration.MaxHeadDataSize)
	case len(p.Code) == 0 && p.CodeHash.IsZero():
		return fmt.Errorf("there is neither code nor codeHash")
	case len(p.Code) > 0 && !p.CodeHash.IsZero() && primitives.HashOf(p.Code) != p.CodeHash:
		return fmt.Errorf("codeHash isn't the SHA-256 of code, which is %v", primitives.HashOf(p.Code))
	case len(p.Code) == 0 && !codes[p.CodeHash]:
		return fmt.Errorf("no code in codes has the hash %v", p.CodeHash)
	}
	return nil
}

// checkValidators says what is wrong with a validator set.
func checkValidators(set []Validator) error {
	if len(set) == 0 || len(set) > maxValidators {
		return fmt.Errorf("there are %d validators; there must be 1 to %d", len(set), maxValidators)
	}
	keys, nodes := map[primitives.Hash]bool{}, map[primitives.NodeID]bool{}
	for i, v := range set {
		switch {
		case v.PublicKey.IsZero():
			return fmt.Errorf("validator %d has no publicKey", i)
		case v.NodeID.IsZero():
			return fmt.Errorf("validator %d has no nodeId", i)
		case keys[v.PublicKey]:
			return fmt.Errorf("validator %d has the publicKey of another one", i)
		case nodes[v.NodeID]:
			return fmt.Errorf("validator %d has the nodeId of another one", i)
		}
		keys[v.PublicKey], nodes[v.NodeID] = true, true
	}
	return nil
}
