import * as z from 'zod';
import { succeeded } from '../answers.js';
import { metaDrift } from '../meta-files.js';
import { resolveAsset } from '../project-paths.js';
import { asNumber, defineTool, looseNumber, type Tool } from '../tool.js';
import {
  assetComponents,
  assetInfo,
  createAsset,
  createFolder,
  deleteAsset,
  importAsset,
  importModel,
  moveAsset,
  refreshAssets,
  searchAssets,
} from './assets.js';

const SEARCH_PAGE_DEFAULT = 50;
const SEARCH_PAGE_MAX = 500;

const manageAsset = defineTool({
  name: 'manage_asset',
  description:
    'Performs asset operations: import, create, delete, move, rename, search, get_info, get_components.',
  shape: {
    action: z.enum([
      'import',
      'create',
      'delete',
      'move',
      'rename',
      'search',
      'get_info',
      'create_folder',
      'get_components',
    ]),
    path: z.string(),
    asset_type: z.string().nullish(),
    properties: z.union([z.record(z.string(), z.unknown()), z.string()]).nullish(),
    destination: z.string().nullish(),
    generate_preview: z.boolean().nullish(),
    search_pattern: z.string().nullish(),
    filter_type: z.string().nullish(),
    page_size: looseNumber.nullish(),
    page_number: looseNumber.nullish(),
  },
  run(context, args) {
    const asset = resolveAsset(context.editor.root, args.path);
    if (!asset.ok) return asset.answer;
    switch (args.action) {
      case 'import':
        return importAsset(context, asset);
      case 'create':
        return createAsset(context, asset, args.asset_type ?? '', args.properties);
      case 'create_folder':
        return createFolder(context, asset);
      case 'delete':
        return deleteAsset(context, asset);
      case 'move':
      case 'rename':
        return moveAsset(context, asset, args.destination ?? '');
      case 'search':
        return searchAssets(context, asset, {
          pattern: args.search_pattern ?? '',
          type: args.filter_type ?? '',
          pageSize: Math.min(SEARCH_PAGE_MAX, Math.max(1, asNumber(args.page_size, SEARCH_PAGE_DEFAULT))),
          pageNumber: Math.max(1, asNumber(args.page_number, 1)),
        });
      case 'get_info':
        return assetInfo(asset);
      case 'get_components':
        return assetComponents(asset);
    }
  },
});

const importModelFile = defineTool({
  name: 'import_model_file',
  description: "Import a model file from the editor's disk into the project.",
  shape: {
    source_path: z.string(),
    name: z.string().nullish(),
    output_folder: z.string().nullish(),
  },
  run: (context, args) =>
    importModel(context, args.source_path, args.name ?? '', args.output_folder ?? 'Assets/Models'),
});

const refreshUnity = defineTool({
  name: 'refresh_unity',
  description: 'Request an asset database refresh and optionally a script compilation.',
  mutatesScripts: true,
  shape: {
    mode: z.enum(['if_dirty', 'force']).default('if_dirty'),
    scope: z.enum(['assets', 'scripts', 'all']).default('all'),
    compile: z.enum(['none', 'request']).default('none'),
    wait_for_ready: z.boolean().default(true),
  },
  run(context, args) {
    const drift = metaDrift(context.editor.assetsRoot);
    refreshAssets(context, drift);
    return succeeded('Refresh requested.', {
      refresh_triggered: true,
      compile_requested: args.compile === 'request',
      resulting_state: 'idle',
      imported: drift.missing.length,
      removed_metas: drift.orphans.length,
    });
  },
});

export const assetTools: readonly Tool[] = [manageAsset, importModelFile, refreshUnity];
