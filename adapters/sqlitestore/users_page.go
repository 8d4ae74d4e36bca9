package sqlitestore

// page returns the query of the page: the places of its users, by the way that was chosen, and then their documents.
func (p *userPlan) page(limit, offset int) (string, []any) {
	inner, args := p.places(limit+offset, limit, offset)
	return "SELECT u.n, CAST(u." + p.order.column + " AS TEXT), u.doc, u.search_text FROM users u WHERE u.n IN (" + inner + ")" + p.order.by("u"), args
}

// places returns the query of the n of the page's users. reach is how far into an order the page's end lies.
func (p *userPlan) places(reach, limit, offset int) (string, []any) {
	after, afterArgs := p.order.after("u", p.place)
	end := p.order.by("u") + " LIMIT ? OFFSET ?"
	switch p.way {
	case mergeCells:
		return "SELECT u.n FROM users u WHERE u.n IN (SELECT o.n FROM json_each(?) k CROSS JOIN users o ON o.n IN (" +
				"SELECT u.n FROM users u INDEXED BY " + p.order.cellIndex + " WHERE u.cell = k.value" + after + p.order.by("u") + " LIMIT ?))" + end,
			append(append([]any{p.cells}, afterArgs...), reach, limit, offset)
	case gatherCells:
		where, args := p.filter(gatherCells)
		return "SELECT u.n FROM users u INDEXED BY users_cell WHERE u.cell IN (SELECT value FROM json_each(?))" + where + after + end,
			append(append(append([]any{p.cells}, args...), afterArgs...), limit, offset)
	case gatherGroup:
		where, args := p.filter(gatherGroup)
		return "SELECT u.n FROM group_members m CROSS JOIN users u ON u.n = m.n WHERE m.group_id = ?" + where + after + end,
			append(append(append([]any{string(p.group)}, args...), afterArgs...), limit, offset)
	case followGroup:
		return p.follow(limit, offset)
	case gatherFound:
		query, args := p.found("u.n", "", nil)
		return "SELECT u.n FROM users u WHERE u.n IN (" + query + ")" + after + end, append(append(args, afterArgs...), limit, offset)
	case followFound:
		return p.followFindings(limit, offset)
	case walkOrder:
	}
	where, args := p.filter()
	index := ""
	if p.order.index != "" {
		index = " INDEXED BY " + p.order.index
	}
	return "SELECT u.n FROM users u" + index + " WHERE TRUE" + where + after + end, append(append(args, afterArgs...), limit, offset)
}

// follow goes through a group, whose members stand in the order of creation.
func (p *userPlan) follow(limit, offset int) (string, []any) {
	after, afterArgs := p.order.after("m", p.place)
	where, args := p.filter(gatherGroup)
	return "SELECT m.n FROM group_members m CROSS JOIN users u ON u.n = m.n WHERE m.group_id = ?" + where + after + p.order.by("m") + " LIMIT ? OFFSET ?",
		append(append(append([]any{string(p.group)}, args...), afterArgs...), limit, offset)
}

// followFindings goes through what the search index finds, which comes in the order of creation.
func (p *userPlan) followFindings(limit, offset int) (string, []any) {
	after, afterArgs, direction := "", []any(nil), " ASC"
	if p.order.descending {
		direction = " DESC"
	}
	if p.place != nil {
		after, afterArgs = " > ?", []any{p.place.n}
		if p.order.descending {
			after = " < ?"
		}
	}
	query, args := p.found("f.rowid", after, afterArgs)
	return query + " ORDER BY 1" + direction + " LIMIT ? OFFSET ?", append(args, limit, offset)
}
