package engine

import (
	"bytes"
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// The VM of a fixture: 32 bytes of parent, 8 of height, and a text. A text that begins with "bad" makes an invalid
// block.

func makeVMBlock(parent []byte, height uint64, text string) *pluginv1.Block {
	content := append(binary.BigEndian.AppendUint64(bytes.Clone(parent), height), text...)
	return readVMBlock(content)
}

func readVMBlock(content []byte) *pluginv1.Block {
	if len(content) < 40 || bytes.HasPrefix(content[40:], []byte("bad")) {
		return nil
	}
	id := primitives.HashOf(content)
	height := binary.BigEndian.Uint64(content[32:])
	return &pluginv1.Block{Id: id[:], ParentId: content[:32], Height: height, Content: content}
}

func (n *node) last() *vmv1.AcceptedBlock {
	if len(n.accepted) == 0 {
		return &vmv1.AcceptedBlock{BlockId: genesisVM[:], VmBlockId: genesisVM[:]}
	}
	return entry(n.accepted[len(n.accepted)-1])
}

func entry(a *vmv1.AcceptBlock) *vmv1.AcceptedBlock {
	return &vmv1.AcceptedBlock{
		BlockId: a.GetBlockId(), VmBlockId: a.GetVmBlockId(), Height: a.GetHeight(),
		ConsensusBlock: a.GetConsensusBlock(),
		Certificate:    a.GetCertificate(),
	}
}

func invalid(why string) *pluginv1.Error {
	return &pluginv1.Error{Kind: &pluginv1.Error_InvalidBlock{InvalidBlock: &pluginv1.InvalidBlock{Reason: why}}}
}

var (
	notFound       = &pluginv1.Error{Kind: &pluginv1.Error_NotFound{NotFound: &pluginv1.NotFound{}}}
	nothingToBuild = &pluginv1.Error{Kind: &pluginv1.Error_NothingToBuild{NothingToBuild: &pluginv1.NothingToBuild{}}}
	missingParent  = &pluginv1.Error{Kind: &pluginv1.Error_MissingParent{MissingParent: &pluginv1.MissingParent{}}}
)

// vm answers as vmhost does.
func (n *node) vm(q proto.Message) proto.Message {
	var refused *pluginv1.Error
	if n.refuse != nil {
		refused = n.refuse(q)
	}
	switch q := q.(type) {
	case *vmv1.LastAccepted:
		return &vmv1.LastAcceptedResponse{Block: n.last(), Error: refused}
	case *pluginv1.SetStateRequest:
		return &pluginv1.SetStateResponse{}
	case *pluginv1.SetPreferenceRequest:
		return &pluginv1.SetPreferenceResponse{}
	case *pluginv1.BuildBlockRequest:
		return n.buildBlock(q)
	case *pluginv1.VerifyBlockRequest:
		if refused != nil {
			return &pluginv1.VerifyBlockResponse{Error: refused}
		}
		return n.verifyBlock(q)
	case *vmv1.AcceptBlock:
		if refused != nil {
			return &vmv1.AcceptBlockResponse{Error: refused}
		}
		return n.acceptBlock(q)
	case *vmv1.KeepBlock:
		return n.keep(q, refused)
	case *vmv1.GetKeptBlock:
		for _, k := range n.kept {
			if bytes.Equal(k.GetBlockId(), q.GetBlockId()) {
				return &vmv1.GetKeptBlockResponse{ConsensusBlock: k.GetConsensusBlock()}
			}
		}
		return &vmv1.GetKeptBlockResponse{Error: notFound}
	case *pluginv1.RejectBlockRequest:
		id, _ := primitives.HashFrom(q.GetBlockId())
		delete(n.processing, id)
		n.log("reject")
		return &pluginv1.RejectBlockResponse{}
	case *vmv1.GetConsensusBlock:
		for _, a := range n.accepted {
			if bytes.Equal(a.GetBlockId(), q.GetBlockId()) {
				return &vmv1.GetConsensusBlockResponse{Block: entry(a)}
			}
		}
		return &vmv1.GetConsensusBlockResponse{Error: notFound}
	case *vmv1.GetBlockIDAtHeight:
		for _, a := range n.accepted {
			if a.GetHeight() == q.GetHeight() {
				return &vmv1.GetBlockIDAtHeightResponse{Block: entry(a)}
			}
		}
		return &vmv1.GetBlockIDAtHeightResponse{Error: notFound}
	case *vmv1.GetAncestors:
		r := &vmv1.GetAncestorsResponse{}
		for i := len(n.accepted) - 1; i >= 0; i-- {
			if len(r.ConsensusBlocks) > 0 || bytes.Equal(n.accepted[i].GetBlockId(), q.GetBlockId()) {
				r.ConsensusBlocks = append(r.ConsensusBlocks, n.accepted[i].GetConsensusBlock())
				r.Certificates = append(r.Certificates, n.accepted[i].GetCertificate())
			}
		}
		return r
	case *pluginv1.GetLastStateSummaryRequest:
		return &pluginv1.GetLastStateSummaryResponse{Error: notFound}
	case *pluginv1.GetStateSummaryRequest:
		return &pluginv1.GetStateSummaryResponse{Error: notFound}
	}
	n.fixture.t.Fatalf("asked %T", q)
	return nil
}

func (n *node) buildBlock(q *pluginv1.BuildBlockRequest) proto.Message {
	height := n.last().GetHeight() + 1
	if id, _ := primitives.HashFrom(q.GetParentId()); n.processing[id] != nil {
		height = n.processing[id].GetHeight() + 1
	}
	text, ok := n.next()
	if !ok {
		return &pluginv1.BuildBlockResponse{Error: nothingToBuild}
	}
	n.log("build %d", height)
	return &pluginv1.BuildBlockResponse{Block: makeVMBlock(q.GetParentId(), height, text)}
}

// next is the first text that isn't in an undecided block.
func (n *node) next() (string, bool) {
	for _, text := range n.pending {
		used := false
		for _, b := range n.processing {
			used = used || string(b.GetContent()[40:]) == text
		}
		if !used {
			return text, true
		}
	}
	return "", false
}

func (n *node) verifyBlock(q *pluginv1.VerifyBlockRequest) proto.Message {
	b := readVMBlock(q.GetContent())
	if b == nil {
		return &pluginv1.VerifyBlockResponse{Error: invalid("bad")}
	}
	parent, _ := primitives.HashFrom(b.GetParentId())
	if n.processing[parent] == nil && !bytes.Equal(parent[:], n.last().GetVmBlockId()) {
		return &pluginv1.VerifyBlockResponse{Error: missingParent}
	}
	id, _ := primitives.HashFrom(b.GetId())
	n.processing[id] = b
	n.log("verify %d", b.GetHeight())
	return &pluginv1.VerifyBlockResponse{Block: b}
}

// keep holds a block, and the one that it names.
func (n *node) keep(q *vmv1.KeepBlock, refused *pluginv1.Error) proto.Message {
	if refused == nil {
		n.kept = append(slices.DeleteFunc(n.kept, func(k *vmv1.KeepBlock) bool {
			return !bytes.Equal(k.GetBlockId(), q.GetAlso())
		}), q)
	}
	return &vmv1.KeepBlockResponse{Error: refused}
}

func (n *node) acceptBlock(q *vmv1.AcceptBlock) proto.Message {
	if q.GetHeight() > uint64(len(n.accepted))+1 {
		return &vmv1.AcceptBlockResponse{Error: missingParent}
	}
	if q.GetHeight() <= uint64(len(n.accepted)) {
		n.fixture.t.Fatalf("height %d is accepted after %d", q.GetHeight(), len(n.accepted))
	}
	content := q.GetConsensusBlock()[q.GetVmBlockOffset():][:q.GetVmBlockSize()]
	id := primitives.HashOf(content)
	if len(q.GetVmBlockId()) > 0 && !bytes.Equal(id[:], q.GetVmBlockId()) {
		n.fixture.t.Fatal("the VM block isn't where the engine says")
	}
	q.VmBlockId = id[:]
	n.accepted = append(n.accepted, q)
	delete(n.processing, id)
	for i, text := range n.pending {
		if text == string(content[40:]) {
			n.pending = append(n.pending[:i:i], n.pending[i+1:]...)
			break
		}
	}
	n.log("accept %d", q.GetHeight())
	return &vmv1.AcceptBlockResponse{VmBlockId: id[:]}
}
