package transfer

import "github.com/ostiary/ostiary/core/domain"

func (p Progress) kind(kind domain.ArchiveKind, done, total int64) {
	if p != nil {
		p(string(kind), done, total)
	}
}
