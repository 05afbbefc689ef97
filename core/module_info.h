/*
 * core/module_info.h - `module info NAME`: all about one module, a line each.
 */
#ifndef CORE_MODULE_INFO_H
#define CORE_MODULE_INFO_H

struct gw_admin_request;
struct module;

/** Rows of key and value, with their head; the request stays open. */
void module_info_show(const struct module *module, struct gw_admin_request *req);

#endif
