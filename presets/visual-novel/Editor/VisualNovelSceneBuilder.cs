using System.IO;
using UnityEditor;
using UnityEditor.SceneManagement;
using UnityEngine;

namespace Spark.VisualNovel.Editor
{
    /// <summary>
    /// Makes the playable scene and saves it. Places and faces are named in the tables below; the story itself is Story/story.json.
    /// In batch mode: -executeMethod Spark.VisualNovel.Editor.VisualNovelSceneBuilder.Build
    /// </summary>
    public static class VisualNovelSceneBuilder
    {
        private const string Folder = "Assets/Spark/VisualNovel/";
        private const string Characters = Folder + "Textures/Characters.png";
        private const string StoryPath = Folder + "Story/story.json";

        private static readonly string[] Places = { "classroom", "street", "rooftop" };
        private static readonly string[] Cast = { "Mika", "Ren" };
        private static readonly string[] Poses = { "calm", "happy" };

        [MenuItem("Spark/Visual Novel/Rebuild Scene")]
        public static void Build()
        {
            var scene = EditorSceneManager.NewScene(NewSceneSetup.EmptyScene, NewSceneMode.Single);
            AddCamera();
            SpriteRenderer backdrop = AddSprite("Backdrop", Backdrop("classroom"), Vector2.zero, -10, null);
            var stage = new GameObject("Stage").AddComponent<CharacterStage>();
            SpriteRenderer left = AddSprite("Left", Character("Mika", "calm"), new Vector2(-3f, 1.2f), 0, stage.transform);
            SpriteRenderer right = AddSprite("Right", Character("Ren", "calm"), new Vector2(3f, 1.2f), 0, stage.transform);
            stage.Set("left", left).Set("right", right).Set("poses", FillPoses);
            var transition = new GameObject("Transition").AddComponent<SceneTransition>();
            var ui = new GameObject("Dialogue UI").AddComponent<DialogueUi>();
            new GameObject("Story").AddComponent<DialogueRunner>()
                .Set("story", AssetDatabase.LoadAssetAtPath<TextAsset>(StoryPath))
                .Set("ui", ui)
                .Set("stage", stage)
                .Set("transition", transition)
                .Set("backdrop", backdrop)
                .Set("backgrounds", FillBackgrounds);
            Directory.CreateDirectory(Path.GetDirectoryName(BuildConfiguration.ScenePath));
            EditorSceneManager.SaveScene(scene, BuildConfiguration.ScenePath);
            BuildConfiguration.Apply();
        }

        private static Sprite Backdrop(string place)
        {
            string file = char.ToUpperInvariant(place[0]) + place.Substring(1);
            return SpriteSheets.Find(Folder + "Textures/" + file + ".png", place);
        }

        private static Sprite Character(string character, string pose)
        {
            return SpriteSheets.Find(Characters, character.ToLowerInvariant() + "-" + pose);
        }

        private static void FillPoses(SerializedProperty list)
        {
            list.arraySize = Cast.Length * Poses.Length;
            for (int i = 0; i < list.arraySize; i++)
            {
                string character = Cast[i / Poses.Length];
                string pose = Poses[i % Poses.Length];
                SerializedProperty entry = list.GetArrayElementAtIndex(i);
                entry.FindPropertyRelative("character").stringValue = character;
                entry.FindPropertyRelative("pose").stringValue = pose;
                entry.FindPropertyRelative("sprite").objectReferenceValue = Character(character, pose);
            }
        }

        private static void FillBackgrounds(SerializedProperty list)
        {
            list.arraySize = Places.Length;
            for (int i = 0; i < Places.Length; i++)
            {
                SerializedProperty entry = list.GetArrayElementAtIndex(i);
                entry.FindPropertyRelative("label").stringValue = Places[i];
                entry.FindPropertyRelative("sprite").objectReferenceValue = Backdrop(Places[i]);
            }
        }

        private static SpriteRenderer AddSprite(string name, Sprite sprite, Vector2 position, int order, Transform parent)
        {
            var made = new GameObject(name);
            made.transform.SetParent(parent);
            made.transform.position = position;
            var renderer = made.AddComponent<SpriteRenderer>();
            renderer.sprite = sprite;
            renderer.sortingOrder = order;
            return renderer;
        }

        private static void AddCamera()
        {
            var made = new GameObject("Main Camera", typeof(Camera), typeof(AudioListener)) { tag = "MainCamera" };
            var view = made.GetComponent<Camera>();
            view.orthographic = true;
            view.orthographicSize = 4f;
            view.clearFlags = CameraClearFlags.SolidColor;
            view.backgroundColor = Color.black;
            made.transform.position = new Vector3(0f, 0f, -10f);
        }
    }
}
