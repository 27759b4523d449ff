package networkbridgev1

import (
	"errors"
	"fmt"
	"slices"
)

// Limits of what one bridge may say to another. A frame that exceeds one is refused as a whole.
const (
	maxProtocolName = 32
	maxAddresses    = 8
	maxAddress      = 128
	maxAgent        = 64
	maxHeads        = 5
	maxExchanged    = 32
	maxErrorText    = 256
	hashSize        = 32
)

var errEmpty = errors.New("a frame without content, or of a kind unknown here")

// Validate checks everything that can be checked without knowing the sender. What passes has no missing parts and no
// list longer than its limit.
func (f *Frame) Validate() error {
	switch k := f.GetKind().(type) {
	case *Frame_Hello:
		return k.Hello.Validate()
	case *Frame_ViewUpdate:
		return k.ViewUpdate.Validate()
	case *Frame_Membership:
		return families(k.Membership.GetFamilies())
	case *Frame_PeerExchange:
		return k.PeerExchange.Validate()
	case *Frame_Message:
		return protocolName(k.Message.GetProtocol())
	case *Frame_Request:
		return protocolName(k.Request.GetProtocol())
	case *Frame_Response:
		return k.Response.Validate()
	case *Frame_Twin, *Frame_Clock:
		return nil
	}
	return errEmpty
}

// Validate checks lengths, the version range and the families.
func (h *Hello) Validate() error {
	switch {
	case len(h.GetNetworkId()) != hashSize:
		return fmt.Errorf("hello: a network id has %d bytes, this one has %d", hashSize, len(h.GetNetworkId()))
	case h.GetMinVersion() == 0 || h.GetMinVersion() > h.GetMaxVersion():
		return fmt.Errorf("hello: versions %d to %d are no range", h.GetMinVersion(), h.GetMaxVersion())
	case len(h.GetAgent()) > maxAgent:
		return fmt.Errorf("hello: the agent has %d bytes, at most %d", len(h.GetAgent()), maxAgent)
	}
	if err := families(h.GetFamilies()); err != nil {
		return err
	}
	return addresses(h.GetAddresses())
}

// Validate checks the family and the heads; that they differ is for the reader to see.
func (v *ViewUpdate) Validate() error {
	if err := families([]Family{v.GetFamily()}); err != nil {
		return err
	}
	if len(v.GetHeads()) > maxHeads {
		return fmt.Errorf("a view has at most %d heads, this one has %d", maxHeads, len(v.GetHeads()))
	}
	for _, h := range v.GetHeads() {
		if len(h) != hashSize {
			return fmt.Errorf("a head has %d bytes, this one has %d", hashSize, len(h))
		}
	}
	return nil
}

// Validate checks the number of peers and each of them.
func (p *PeerExchange) Validate() error {
	if len(p.GetPeers()) > maxExchanged {
		return fmt.Errorf("%d peers at once, at most %d", len(p.GetPeers()), maxExchanged)
	}
	for _, a := range p.GetPeers() {
		if len(a.GetPeer()) != hashSize || len(a.GetAddresses()) == 0 {
			return errors.New("a peer without an id or an address")
		}
		if err := addresses(a.GetAddresses()); err != nil {
			return err
		}
	}
	return nil
}

// Validate checks that there is an outcome.
func (r *WireResponse) Validate() error {
	switch k := r.GetOutcome().(type) {
	case *WireResponse_Payload:
		return nil
	case *WireResponse_Error:
		if k.Error.GetCode() < 0 || len(k.Error.GetMessage()) > maxErrorText {
			return errors.New("a remote error below zero, or with a long text")
		}
		return nil
	}
	return errors.New("a response without an outcome")
}

func families(fs []Family) error {
	for i, f := range fs {
		if f != Family_FAMILY_VALIDATION && f != Family_FAMILY_COLLATION {
			return fmt.Errorf("there is no family %d", f)
		}
		if slices.Contains(fs[:i], f) {
			return fmt.Errorf("family %s is named twice", f)
		}
	}
	return nil
}

func addresses(as []string) error {
	if len(as) > maxAddresses {
		return fmt.Errorf("%d addresses, at most %d", len(as), maxAddresses)
	}
	for _, a := range as {
		if a == "" || len(a) > maxAddress {
			return fmt.Errorf("an address has 1 to %d bytes, this one has %d", maxAddress, len(a))
		}
	}
	return nil
}

func protocolName(name string) error {
	if name == "" || len(name) > maxProtocolName {
		return fmt.Errorf("a protocol's name has 1 to %d bytes, this one has %d", maxProtocolName, len(name))
	}
	return nil
}
