/** Scenes, prefabs and pictures of them. */
import { posix } from 'node:path';
import * as z from 'zod';
import { type Answer, failed, succeeded, type ToolReply } from '../answers.js';
import { guidOf } from '../meta-files.js';
import { encodePng } from '../png.js';
import { resolveAsset } from '../project-paths.js';
import { readIfThere } from '../safe-write.js';
import { componentTypes, emptyScene, readScene, type SceneObject, type Vector } from '../scene.js';
import { drawScene, lookingAt, viewOf } from '../screenshot.js';
import { spriteFinder } from '../sprite-sheets.js';
import {
  asBoolean,
  asNumber,
  defineTool,
  looseBoolean,
  looseNumber,
  type Tool,
  type ToolContext,
} from '../tool.js';
import { describeObject, pathOf } from './game-objects.js';
import { noScene, openScene, saveScene } from './scene-files.js';

const RESOLUTION_DEFAULT_PX = 640;
const RESOLUTION_MAX_PX = 2048;
const GAME_VIEW_ASPECT = 16 / 9;

const manageScene = defineTool({
  name: 'manage_scene',
  description: 'Scene operations: create, load, save, get_active, get_hierarchy.',
  shape: {
    action: z.enum(['create', 'load', 'save', 'get_active', 'get_hierarchy']),
    name: z.string().nullish(),
    path: z.string().nullish(),
  },
  run(context, args) {
    const path = scenePath(args.path ?? undefined, args.name ?? undefined);
    switch (args.action) {
      case 'create':
        return createScene(context, path);
      case 'load': {
        const scene = path === undefined ? undefined : openScene(context, path);
        if (scene === undefined) return noScene(context, path ?? '(none)');
        context.editor.activeScene = scene.path;
        return succeeded(`Scene '${scene.path}' loaded successfully.`, { path: scene.path });
      }
      case 'save':
        // Every change is in the file already.
        return succeeded(`Scene '${context.editor.activeScene}' saved successfully.`, {
          path: context.editor.activeScene,
        });
      case 'get_active': {
        // A scene stays open when its file is deleted: Unity goes on naming it.
        const scene = openScene(context);
        const path = scene?.path ?? context.editor.activeScene;
        return succeeded('Retrieved active scene information.', {
          name: posix.basename(path, '.unity'),
          path,
          isDirty: false,
          isLoaded: true,
          rootCount: (scene?.objects ?? []).filter(({ parent }) => parent === undefined).length,
        });
      }
      case 'get_hierarchy': {
        const scene = openScene(context, path);
        if (scene === undefined) return noScene(context, path);
        const items = scene.objects.map((object) => describeObject(object, scene.objects));
        return succeeded(`Retrieved hierarchy for scene '${scene.path}'.`, { total: items.length, items });
      }
    }
  },
});

/** A `.unity` path, or a folder plus a name. */
function scenePath(path: string | undefined, name: string | undefined): string | undefined {
  if (path?.toLowerCase().endsWith('.unity') === true) return path;
  if (name === undefined) return path;
  return `${path ?? 'Assets/Scenes'}/${name}.unity`;
}

function createScene(context: ToolContext, path: string | undefined): Answer {
  if (path === undefined) return failed("'name' is required for 'create' action.");
  const resolved = resolveAsset(context.editor.root, path);
  if (!resolved.ok) return resolved.answer;
  if (readIfThere(resolved.absolute) !== undefined)
    return failed(`Scene already exists at '${resolved.relative}'.`);
  saveScene(context, { path: resolved.relative, absolute: resolved.absolute }, emptyScene());
  context.editor.activeScene = resolved.relative;
  return succeeded(
    `Scene '${posix.basename(path, '.unity')}' created successfully at '${resolved.relative}'.`,
    {
      path: resolved.relative,
    },
  );
}

const managePrefabs = defineTool({
  name: 'manage_prefabs',
  description: 'Reads prefabs: get_info, get_hierarchy.',
  readOnly: true,
  shape: { action: z.enum(['get_info', 'get_hierarchy']), prefab_path: z.string() },
  run(context, args) {
    const resolved = resolveAsset(context.editor.root, args.prefab_path);
    if (!resolved.ok) return failed(`Invalid prefab path: '${args.prefab_path}'.`);
    const bytes = readIfThere(resolved.absolute);
    const objects = bytes === undefined ? [] : readScene(bytes.toString('utf8'));
    const root = objects.find(({ parent }) => parent === undefined);
    if (root === undefined) return failed(`No prefab asset found at path '${resolved.relative}'.`);
    if (args.action === 'get_info') {
      return succeeded(`Successfully retrieved prefab info for '${resolved.relative}'.`, {
        assetPath: resolved.relative,
        guid: guidOf(resolved.absolute) ?? '',
        prefabType: 'Regular',
        rootObjectName: root.name,
        rootComponentTypes: componentTypes(root),
        childCount: objects.length - 1,
        isVariant: false,
        parentPrefab: null,
      });
    }
    const items = objects.map((object) => ({
      name: object.name,
      instanceId: object.id,
      path: pathOf(object, objects),
      activeSelf: object.active,
      childCount: objects.filter(({ parent }) => parent === object.id).length,
      componentTypes: componentTypes(object),
      prefab: { isRoot: object.parent === undefined, isNestedRoot: false },
    }));
    return succeeded(`Successfully retrieved prefab hierarchy. Found ${items.length} objects.`, {
      prefabPath: resolved.relative,
      total: items.length,
      items,
    });
  },
});

const manageCamera = defineTool({
  name: 'manage_camera',
  description: 'Takes a screenshot of the active scene.',
  readOnly: true,
  shape: {
    action: z.enum(['screenshot', 'ping']),
    camera: z.string().nullish(),
    include_image: looseBoolean.nullish(),
    max_resolution: looseNumber.nullish(),
    view_target: z.union([z.string(), z.number(), z.array(z.number())]).nullish(),
  },
  async run(context, args): Promise<Answer | ToolReply> {
    if (args.action === 'ping') return succeeded('Camera tools ready.', { cinemachine: false });
    const scene = openScene(context);
    if (scene === undefined) return noScene(context);
    const longest = Math.round(asNumber(args.max_resolution, RESOLUTION_DEFAULT_PX));
    const width = Math.max(1, Math.min(RESOLUTION_MAX_PX, longest));
    const height = Math.max(1, Math.round(width / GAME_VIEW_ASPECT));
    let view = viewOf(scene.objects, width, height, args.camera ?? undefined);
    if (args.view_target !== null && args.view_target !== undefined) {
      const target = targetPoint(args.view_target, scene.objects);
      if (target === undefined) return failed(`view_target '${String(args.view_target)}' not found.`);
      view = lookingAt(view, target);
    }
    const answer = succeeded('Screenshot captured.', {
      scene: scene.path,
      imageWidth: width,
      imageHeight: height,
      objects: scene.objects.length,
    });
    if (!asBoolean(args.include_image, false)) return answer;
    const sprites = spriteFinder(context.editor.assetsRoot);
    return { answer, png: await encodePng(drawScene(scene.objects, view, sprites)) };
  },
});

function targetPoint(
  target: string | number | number[],
  objects: readonly SceneObject[],
): Vector | undefined {
  if (Array.isArray(target)) return [target[0] ?? 0, target[1] ?? 0, target[2] ?? 0];
  return objects.find(({ id, name }) => name === target || String(id) === String(target))?.position;
}

export const sceneTools: readonly Tool[] = [manageScene, managePrefabs, manageCamera];
