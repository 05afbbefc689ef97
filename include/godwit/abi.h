/*
 * godwit/abi.h - the version of everything that a module is compiled against.
 *
 * A module loads when its major equals the server's and its minor is not newer. Additions at the
 * end of a table or struct that only the server allocates raise the minor; whatever else changes a
 * layout, a meaning or a signature raises the major and puts the minor back to 0. The checked list
 * of all of it is tests/abi/list in the source tree; tests/rules/abi says when the number must
 * move.
 *
 * 1.0  2026-11-23  the first one
 * 1.1  2026-11-23  gw_visit()
 * 2.0  2026-11-23  events of a module's own have their name, a command's number, and renderers;
 *                  commands of operators say whether they read, and which arguments are secret
 * 2.1  2026-11-23  own_field() of "services"
 * 2.2  2026-11-23  named() of "client"; gw_admin_covers()
 * 2.3  2026-11-23  images of "store"
 * 2.4  2026-11-23  gw_listen_loopback(); figures (metrics.h)
 */
#ifndef GODWIT_ABI_H
#define GODWIT_ABI_H

#define GW_ABI_MAJOR 2
#define GW_ABI_MINOR 4
#define GW_ABI ((GW_ABI_MAJOR << 16) | GW_ABI_MINOR)

#endif
